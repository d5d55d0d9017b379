# The functions every CMakeLists.txt of the tree is written with.

# nx_library(core_labels SOURCES labels.cc … DEPS core_base nx::re2)
# A folder is a module is a library. Includes are written from the root of the project.
function(nx_library name)
  cmake_parse_arguments(ARG "NO_PCH" "" "SOURCES;DEPS;PRIVATE_DEPS" ${ARGN})
  if(ARG_SOURCES)
    add_library(${name} STATIC ${ARG_SOURCES})
    target_include_directories(${name} PUBLIC ${CMAKE_SOURCE_DIR})
    target_link_libraries(${name} PUBLIC nx::absl nx::fmt nx::threads ${ARG_DEPS} PRIVATE ${ARG_PRIVATE_DEPS})
    if(NOT ARG_NO_PCH)
      target_precompile_headers(${name} REUSE_FROM nx_pch)
    endif()
  else()
    add_library(${name} INTERFACE)
    target_include_directories(${name} INTERFACE ${CMAKE_SOURCE_DIR})
    target_link_libraries(${name} INTERFACE nx::absl nx::fmt nx::threads ${ARG_DEPS})
  endif()
endfunction()

# nx_binary(prometheus SOURCES main.cc DEPS …): a shipped executable, in NARTHEX_BIN_DIR.
function(nx_binary name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE ${ARG_DEPS})
  target_precompile_headers(${name} REUSE_FROM nx_pch)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${NARTHEX_BIN_DIR})
endfunction()

# nx_test(core_labels_test SOURCES labels_test.cc … DEPS core_labels): one Catch2 executable and one
# ctest entry. The test runs in its source folder, so testdata/ is found by relative path.
function(nx_test name)
  cmake_parse_arguments(ARG "" "TIMEOUT" "SOURCES;DEPS" ${ARGN})
  if(NARTHEX_FUZZ OR NOT NARTHEX_TESTS)
    return()
  endif()
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE ${ARG_DEPS} Catch2::Catch2WithMain)
  target_precompile_headers(${name} REUSE_FROM nx_test_pch)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
  add_test(NAME ${name} COMMAND ${name} WORKING_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 120)
  endif()
  nx_test_limits(${name} ${ARG_TIMEOUT})
endfunction()

# nx_test_limits(e2e_test 300): seconds a test may take, more under a sanitizer; and the settings of
# the sanitizers. Libraries of the system are not instrumented: what they do with each other's
# memory (gRPC, the reference counts of absl::Status) cannot be judged.
function(nx_test_limits name seconds)
  if(NARTHEX_SANITIZER)
    math(EXPR seconds "${seconds} * 8")
  endif()
  set_tests_properties(${name} PROPERTIES TIMEOUT ${seconds})
  if(NARTHEX_SANITIZER STREQUAL "thread")
    set_tests_properties(${name} PROPERTIES ENVIRONMENT "TSAN_OPTIONS=ignore_noninstrumented_modules=1")
  endif()
endfunction()

# nx_fuzz(text_parser_fuzz SOURCES text_parser_fuzz.cc DEPS core_exposition): a libFuzzer target,
# built by the fuzz preset into build/fuzz/fuzz/. Seeds live in testdata/fuzz/<name>/.
function(nx_fuzz name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS" ${ARGN})
  if(NOT NARTHEX_FUZZ)
    return()
  endif()
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE ${ARG_DEPS})
  target_link_options(${name} PRIVATE -fsanitize=fuzzer)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/fuzz)
endfunction()

# nx_bench(parse_bench SOURCES parse_bench.cc DEPS core_exposition): a Google Benchmark executable.
function(nx_bench name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS" ${ARGN})
  if(NOT NARTHEX_BENCH)
    return()
  endif()
  find_package(benchmark REQUIRED CONFIG)
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE ${ARG_DEPS} benchmark::benchmark_main)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bench)
endfunction()
