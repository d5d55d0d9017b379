#pragma once
// NX_VECTORIZED: two builds of one function, chosen at start by what the processor has. Not under
// sanitizers, whose runtime is not up yet when the choice is made.

#if defined(__GNUC__) && !defined(__clang__) && defined(__x86_64__) && \
    !defined(__SANITIZE_THREAD__) && !defined(__SANITIZE_ADDRESS__)
#define NX_VECTORIZED __attribute__((target_clones("avx2", "default"), optimize("O3")))
#else
#define NX_VECTORIZED
#endif
