# One folder is one room is one static library. A room's sources are its .cc files (main.cc is a
# program's), so adding a file needs no edit here; CONFIGURE_DEPENDS makes the build look again.

# What most files include and what is slow to read.
set(NESTOR_PCH_HEADERS
    <algorithm> <array> <cstdint> <functional> <map> <memory> <optional> <string> <string_view>
    <utility> <variant> <vector> <absl/status/status.h> <absl/status/statusor.h>
    <absl/time/time.h> <fmt/format.h> <nestor/v1/envelope.pb.h>)

# nestor_precompile(TARGET [HEADER...]): shares one precompiled header among all targets of the
# project; those that name headers besides share another, which has them too.
function(nestor_precompile target)
  if(NOT NESTOR_PCH)
    return()
  endif()
  set(pch nestor_pch)
  if(ARGN)
    set(pch nestor_test_pch)
  endif()
  if(NOT TARGET ${pch})
    file(WRITE ${PROJECT_BINARY_DIR}/${pch}.cc "// Exists to own the precompiled header.\n")
    add_library(${pch} OBJECT ${PROJECT_BINARY_DIR}/${pch}.cc)
    target_link_libraries(${pch} PRIVATE absl::status absl::statusor absl::time fmt::fmt nestor_proto)
    if(ARGN)
      target_link_libraries(${pch} PRIVATE GTest::gmock)
      target_compile_options(${pch} PRIVATE -O0)
    endif()
    target_precompile_headers(${pch} PRIVATE ${NESTOR_PCH_HEADERS} ${ARGN})
  endif()
  target_precompile_headers(${target} REUSE_FROM ${pch})
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
