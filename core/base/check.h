#pragma once
// CHECK for the impossible. Never for input or environment: those return Status.

#include <cstdio>
#include <cstdlib>

#define NX_CHECK(condition)                                                              \
  do {                                                                                   \
    if (!(condition)) [[unlikely]] {                                                     \
      std::fprintf(stderr, "%s:%d: check failed: %s\n", __FILE__, __LINE__, #condition); \
      std::abort();                                                                      \
    }                                                                                    \
  } while (false)
