# What an installation has where, and Debian's packages of it by CPack, one a component. Included
# last; deploy/build-packages calls it all. docs/operations.md lists files and modes. Paths are absolute,
# whatever CMAKE_INSTALL_PREFIX a build folder was made with.
# Who packages says what was built; without the tests, say.
set(CMAKE_SKIP_INSTALL_ALL_DEPENDENCY ON)
set(CMAKE_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS
    OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
set(NESTOR_MAINTAINER "Nestor's maintainers <maintainers@nestor.invalid>" CACHE STRING
    "Maintainer of the packages")

set(deploy ${PROJECT_SOURCE_DIR}/deploy)
set(made ${PROJECT_BINARY_DIR}/debian)  # by configure_file() and by deploy/lib/package_texts.py
set(NESTOR_HOOKS /usr/lib/${CMAKE_LIBRARY_ARCHITECTURE}/kea/hooks)

# Man pages, changelog and copyright of all packages, from what is documented anyway.
add_custom_target(nestor_package_texts
  COMMAND /usr/bin/python3 -B ${deploy}/lib/package_texts.py ${PROJECT_SOURCE_DIR} ${PROJECT_BINARY_DIR}/bin ${made}
          ${PROJECT_VERSION} ${NESTOR_MAINTAINER}
  DEPENDS nestor-primary-agent nestor-secondary-agent nestorctl
  VERBATIM)

# nestor_package(NAME SUMMARY TEXT): a component and its package.
macro(nestor_package name summary text)
  list(APPEND CPACK_COMPONENTS_ALL ${name})
  string(TOUPPER ${name} component)
  set(CPACK_DEBIAN_${component}_PACKAGE_NAME ${name})
  set(CPACK_DEBIAN_${component}_FILE_NAME DEB-DEFAULT)
  set(CPACK_DEBIAN_${component}_DESCRIPTION "${summary}\n${text}")
  install(FILES ${made}/${name}.changelog.gz DESTINATION /usr/share/doc/${name}
          RENAME changelog.gz COMPONENT ${name} OPTIONAL)
  install(FILES ${made}/copyright DESTINATION /usr/share/doc/${name} COMPONENT ${name} OPTIONAL)
endmacro()

# nestor_examples(FOLDER COMPONENT): deploy/examples with what they need, and deploy/samples below it.
function(nestor_examples folder component)
  install(PROGRAMS ${deploy}/examples/subscriber.py ${deploy}/examples/watch-changes DESTINATION ${folder}
          COMPONENT ${component})
  install(FILES ${deploy}/examples/README.md DESTINATION ${folder} COMPONENT ${component})
  install(DIRECTORY ${deploy}/samples ${PROJECT_SOURCE_DIR}/proto DESTINATION ${folder} COMPONENT ${component}
          FILE_PERMISSIONS OWNER_READ OWNER_WRITE GROUP_READ WORLD_READ
          FILES_MATCHING REGEX "\\.(md|conf|json|nft|proto)$")
endfunction()

# nestor_agent_package(ROLE OTHER-ROLE SUMMARY TEXT)
function(nestor_agent_package role other summary text)
  set(NESTOR_ROLE ${role})
  set(NESTOR_AGENT_SHORT ${role}-agent)
  set(NESTOR_AGENT nestor-${role}-agent)
  set(NESTOR_OTHER_ROLE ${other})
  set(NESTOR_OTHER_AGENT nestor-${other}-agent)
  set(its ${made}/${NESTOR_AGENT})
  set(NESTOR_LISTENS)
  if(role STREQUAL "primary")  # nobody connects to the other
    set(NESTOR_LISTENS "# Relaxed: ZeroMQ looks whether an address to listen at is the name of an interface, and gives up where it may not.
RestrictAddressFamilies=AF_NETLINK
")
  endif()
  nestor_package(${NESTOR_AGENT} "${summary}" "${text}")
  install(TARGETS ${NESTOR_AGENT} RUNTIME DESTINATION /usr/sbin COMPONENT ${NESTOR_AGENT})
  install(FILES ${deploy}/debian/${role}-agent.json DESTINATION /etc/nestor COMPONENT ${NESTOR_AGENT})
  configure_file(${deploy}/systemd/nestor-agent.service.in ${its}/${NESTOR_AGENT}.service @ONLY)
  install(FILES ${its}/${NESTOR_AGENT}.service DESTINATION /lib/systemd/system COMPONENT ${NESTOR_AGENT})
  foreach(kea 4 6)
    install(FILES ${deploy}/systemd/kea-server.conf
            DESTINATION /lib/systemd/system/kea-dhcp${kea}-server.service.d
            RENAME ${NESTOR_AGENT}.conf COMPONENT ${NESTOR_AGENT})
  endforeach()
  install(FILES ${deploy}/debian/sysusers.conf DESTINATION /usr/lib/sysusers.d RENAME ${NESTOR_AGENT}.conf
          COMPONENT ${NESTOR_AGENT})
  install(FILES ${deploy}/debian/tmpfiles.conf DESTINATION /usr/lib/tmpfiles.d RENAME ${NESTOR_AGENT}.conf
          COMPONENT ${NESTOR_AGENT})
  install(FILES ${deploy}/systemd/memory.conf DESTINATION /usr/share/doc/${NESTOR_AGENT}/examples
          COMPONENT ${NESTOR_AGENT})
  if(role STREQUAL "primary")
    nestor_examples(/usr/share/doc/${NESTOR_AGENT}/examples ${NESTOR_AGENT})
  endif()
  install(FILES ${made}/${NESTOR_AGENT}.8.gz DESTINATION /usr/share/man/man8 COMPONENT ${NESTOR_AGENT} OPTIONAL)

  set(control)
  list(APPEND control ${deploy}/debian/config)
  foreach(script postinst prerm postrm templates)
    configure_file(${deploy}/debian/${script}.in ${its}/${script} @ONLY)
    list(APPEND control ${its}/${script})
  endforeach()
  file(WRITE ${its}/conffiles "/etc/nestor/${role}-agent.json\n")
  list(APPEND control ${its}/conffiles)
  set(CPACK_DEBIAN_${component}_PACKAGE_CONTROL_EXTRA ${control})
  set(CPACK_DEBIAN_${component}_PACKAGE_DEPENDS
      "kea-common, init-system-helpers (>= 1.54~), debconf (>= 0.5) | debconf-2.0, systemd | systemd-standalone-sysusers, systemd | systemd-standalone-tmpfiles")
  set(CPACK_DEBIAN_${component}_PACKAGE_RECOMMENDS "kea-dhcp4-server | kea-dhcp6-server, nestorctl, nestor-kea-hook")
  foreach(variable NAME PACKAGE_NAME FILE_NAME DESCRIPTION PACKAGE_CONTROL_EXTRA PACKAGE_DEPENDS PACKAGE_RECOMMENDS)
    set(CPACK_DEBIAN_${component}_${variable} "${CPACK_DEBIAN_${component}_${variable}}" PARENT_SCOPE)
  endforeach()
  set(CPACK_COMPONENTS_ALL ${CPACK_COMPONENTS_ALL} PARENT_SCOPE)
endfunction()

# What watches a pair, once; not its tests.
install(FILES ${deploy}/monitoring/prometheus.yml ${deploy}/monitoring/nestor.rules.yml
              ${deploy}/monitoring/grafana-dashboard.json
        DESTINATION /usr/share/doc/nestor-primary-agent/examples/monitoring COMPONENT nestor-primary-agent)

set(what "Nestor keeps two Kea DHCP servers identical: each change of one is applied
to the other, verified and acknowledged, and pairs of Kea's own high
availability are created, edited and removed as a whole.")
set(CPACK_COMPONENTS_ALL)
nestor_agent_package(primary secondary "keeps two Kea DHCP servers identical, agent of the first" "${what}

This agent runs beside the Kea whose configuration is the model.")
nestor_agent_package(secondary primary "keeps two Kea DHCP servers identical, agent of the second" "${what}

This agent runs beside the Kea that becomes like the other.")

nestor_package(nestorctl "operator's command of Nestor, which keeps two Kea servers identical" "${what}

This command shows and does what the agents, here or on another host, know
and do: status, watch, diff, history, apply, relationships, keys.")
install(TARGETS nestorctl RUNTIME DESTINATION /usr/bin COMPONENT nestorctl)
install(FILES ${made}/nestorctl.1.gz DESTINATION /usr/share/man/man1 COMPONENT nestorctl OPTIONAL)

if(TARGET dhcp_nestor)
  nestor_package(nestor-kea-hook "changes a running Kea DHCP server in place, hook library" "${what}

This library lets the agents change a running Kea object by object, without
a restart of its high availability, and tells them of changes and leases.
Kea loads it only if it was built for exactly this Kea.")
  install(TARGETS dhcp_nestor LIBRARY DESTINATION ${NESTOR_HOOKS} COMPONENT nestor-kea-hook
          PERMISSIONS OWNER_READ OWNER_WRITE GROUP_READ WORLD_READ)
  foreach(kea 4 6)
    configure_file(${deploy}/debian/kea-dhcp${kea}.json.in ${made}/kea-dhcp${kea}.json @ONLY)
    install(FILES ${made}/kea-dhcp${kea}.json DESTINATION /usr/share/nestor COMPONENT nestor-kea-hook)
  endforeach()
  execute_process(COMMAND dpkg-query -W -f=\${Version} kea-dev OUTPUT_VARIABLE kea_package ERROR_QUIET)
  set(CPACK_DEBIAN_NESTOR-KEA-HOOK_PACKAGE_DEPENDS "kea-common (= ${kea_package})")
  set(CPACK_DEBIAN_NESTOR-KEA-HOOK_PACKAGE_RECOMMENDS "kea-dhcp4-server | kea-dhcp6-server")
  set(CPACK_DEBIAN_NESTOR-KEA-HOOK_PACKAGE_ENHANCES "kea-dhcp4-server, kea-dhcp6-server")
endif()

set(CPACK_GENERATOR DEB)
set(CPACK_SET_DESTDIR ON)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_COMPONENTS_GROUPING IGNORE)
set(CPACK_PACKAGE_NAME nestor)
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
set(CPACK_DEBIAN_PACKAGE_MAINTAINER ${NESTOR_MAINTAINER})
set(CPACK_DEBIAN_PACKAGE_SECTION net)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS ${CMAKE_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS})
set(CPACK_VERBATIM_VARIABLES ON)
include(CPack)
