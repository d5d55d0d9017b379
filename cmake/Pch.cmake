# One precompiled header for the libraries and one for the tests; every module reuses them.
add_library(nx_pch OBJECT ${CMAKE_CURRENT_LIST_DIR}/pch.cc)
target_precompile_headers(nx_pch PRIVATE ${CMAKE_CURRENT_LIST_DIR}/pch.h)
target_include_directories(nx_pch PRIVATE ${CMAKE_SOURCE_DIR})
target_link_libraries(nx_pch PRIVATE nx::absl nx::fmt)

if(NARTHEX_TESTS)
  add_library(nx_test_pch OBJECT ${CMAKE_CURRENT_LIST_DIR}/pch.cc)
  target_precompile_headers(nx_test_pch PRIVATE ${CMAKE_CURRENT_LIST_DIR}/pch_test.h)
  target_include_directories(nx_test_pch PRIVATE ${CMAKE_SOURCE_DIR})
  target_link_libraries(nx_test_pch PRIVATE nx::absl nx::fmt Catch2::Catch2)
endif()
