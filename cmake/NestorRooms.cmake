# One folder is one room is one static library. A room's sources are its .cc files (main.cc is a
# program's), so adding a file needs no edit here; CONFIGURE_DEPENDS makes the build look again.

set(NESTOR_PCH_HEADERS
    <algorithm> <array> <cstdint> <functional> <map> <memory> <optional> <string> <string_view>
    <utility> <variant> <vector> <absl/status/status.h> <absl/status/statusor.h>
    <absl/time/time.h> <fmt/format.h>)

# nestor_precompile(TARGET): shares one precompiled header among all targets of the project.
function(nestor_precompile target)
  if(NOT NESTOR_PCH)
    return()
  endif()
  if(NOT TARGET nestor_pch)
    file(WRITE ${PROJECT_BINARY_DIR}/pch.cc "// Exists to own the precompiled header.\n")
    add_library(nestor_pch OBJECT ${PROJECT_BINARY_DIR}/pch.cc)
    target_link_libraries(nestor_pch PRIVATE absl::status absl::statusor absl::time fmt::fmt)
    target_precompile_headers(nestor_pch PRIVATE ${NESTOR_PCH_HEADERS})
  endif()
  target_precompile_headers(${target} REUSE_FROM nestor_pch)
endfunction()

# nestor_room(FOLDER DEPS TARGET...): the static library nestor_<folder with _ for />.
function(nestor_room folder)
  cmake_parse_arguments(ROOM "" "" "DEPS" ${ARGN})
  string(REPLACE "/" "_" name nestor_${folder})
  file(GLOB sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/${folder}/*.cc)
  list(FILTER sources EXCLUDE REGEX "/main\\.cc$")
  if(NOT sources)
    add_library(${name} INTERFACE)
    target_include_directories(${name} INTERFACE ${PROJECT_SOURCE_DIR})
    target_link_libraries(${name} INTERFACE ${ROOM_DEPS})
    return()
  endif()
  add_library(${name} STATIC ${sources})
  target_include_directories(${name} PUBLIC ${PROJECT_SOURCE_DIR})
  target_link_libraries(${name} PUBLIC ${ROOM_DEPS})
  nestor_precompile(${name})
endfunction()

# nestor_program(NAME MAIN DEPS TARGET...): an executable in bin/.
function(nestor_program name main)
  cmake_parse_arguments(PROGRAM "" "" "DEPS" ${ARGN})
  if(NOT EXISTS ${PROJECT_SOURCE_DIR}/${main})
    return()
  endif()
  add_executable(${name} ${main})
  target_compile_definitions(${name} PRIVATE NESTOR_VERSION="${PROJECT_VERSION}")
  target_link_libraries(${name} PRIVATE ${PROGRAM_DEPS})
  nestor_precompile(${name})
endfunction()
