# Language, warnings, linker and the compiler cache: one set of flags for all of our own code.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
# Everything of ours ends in executables: one code model, so that all share the precompiled headers.
add_compile_options(-fPIE)
add_link_options(-pie)

option(NARTHEX_TESTS "Build the tests" ON)
option(NARTHEX_BENCH "Build the benchmarks" OFF)
option(NARTHEX_FUZZ "Build the libFuzzer targets (clang only)" OFF)
set(NARTHEX_SANITIZER "" CACHE STRING "address (with undefined), thread, or empty")
set(NARTHEX_BIN_DIR "${CMAKE_BINARY_DIR}/bin" CACHE PATH "Where the shipped executables land")

set(CMAKE_CXX_FLAGS_RELEASE "-O2 -g1 -DNDEBUG")
set(CMAKE_CXX_FLAGS_DEBUG "-O1 -g1")

# -ffp-contract=off: query answers must equal the reference bit for bit, so no fused multiply-add.
add_compile_options(-Wall -Wextra -Werror -Wno-unused-parameter -Wno-missing-field-initializers
                    -ffp-contract=off -fno-strict-aliasing -fstack-protector-strong)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # g++ 12 reports these falsely inside std::string and std::variant at -O2.
  add_compile_options(-Wno-restrict -Wno-maybe-uninitialized -Wno-stringop-overflow
                      -Wno-array-bounds -Wno-stringop-overread -Wno-dangling-pointer)
else()
  add_compile_options(-Wthread-safety -Wno-deprecated-declarations -Wno-unused-command-line-argument)
endif()
# Every translation unit sees the same settings of the header-only libraries.
add_compile_definitions(BOOST_ASIO_NO_DEPRECATED BOOST_ASIO_SEPARATE_COMPILATION _FILE_OFFSET_BITS=64)

find_program(NARTHEX_LLD NAMES ld.lld ld.lld-19)
if(NARTHEX_LLD AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  add_link_options(-fuse-ld=lld)
endif()
add_link_options(-Wl,--as-needed)

find_program(NARTHEX_CCACHE ccache)
if(NARTHEX_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER
      ${CMAKE_COMMAND} -E env
      CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
      ${NARTHEX_CCACHE})
endif()
