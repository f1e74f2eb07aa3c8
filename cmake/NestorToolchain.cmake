# Language, warnings, sanitizers, and the compiler cache: everything that every target shares.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bin)
set(CMAKE_ARCHIVE_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/lib)
set(CMAKE_LIBRARY_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/lib)

option(NESTOR_TESTS "Build the tests" ON)
option(NESTOR_BENCH "Build the benchmarks" OFF)
option(NESTOR_FUZZ "Build the fuzz targets (clang)" OFF)
option(NESTOR_PCH "Use precompiled headers" ON)
set(NESTOR_SANITIZE "" CACHE STRING "Sanitizers, as for -fsanitize=")

add_compile_options(-Wall -Wextra -Wpedantic -Werror -Wshadow -Wnon-virtual-dtor -Wold-style-cast
                    -Woverloaded-virtual)
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  add_compile_options(-Wthread-safety)
  # An assumed-away move or a designated initializer with defaults is no defect.
  add_compile_options(-Wno-missing-field-initializers)
else()
  add_compile_options(-Wno-missing-field-initializers)
  # GCC 12 reports these falsely inside the standard library and Abseil once it inlines.
  add_compile_options(-Wno-restrict -Wno-maybe-uninitialized -Wno-stringop-overflow
                      -Wno-array-bounds -Wno-dangling-pointer)
  if(CMAKE_UNITY_BUILD)  # where a .cc is included, it takes it for a header
    add_compile_options(-Wno-subobject-linkage)
  endif()
endif()
if(NESTOR_SANITIZE)
  add_compile_options(-fsanitize=${NESTOR_SANITIZE} -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${NESTOR_SANITIZE})
  if(NESTOR_SANITIZE MATCHES undefined)
    add_compile_options(-fno-sanitize-recover=all)
    if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
      # RapidJSON 1.1 adds to the null pointer of an empty stack before it compares.
      add_compile_options(-fno-sanitize=pointer-overflow)
    endif()
  endif()
endif()
if(CMAKE_BUILD_TYPE STREQUAL "RelWithDebInfo" AND NOT NESTOR_SANITIZE)
  # What Debian builds its own packages with.
  add_compile_options(-fstack-protector-strong)
  add_compile_definitions(_FORTIFY_SOURCE=2)
  add_link_options(-Wl,-z,relro,-z,now)
endif()
if(NESTOR_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()

find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER
      ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
      ${CCACHE})
  if(NESTOR_PCH AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    add_compile_options(-fpch-preprocess)
  endif()
endif()
