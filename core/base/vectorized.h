#pragma once
// NX_VECTORIZED: several builds of one function, chosen at start by what the processor has (AVX2,
// or AVX-512 with its 32 registers, and the bit instructions that come with them). Not under
// sanitizers, whose runtime is not up yet when the choice is made. Nothing is fused: the tree is
// built with -ffp-contract=off.

#if defined(__GNUC__) && !defined(__clang__) && defined(__x86_64__) && \
    !defined(__SANITIZE_THREAD__) && !defined(__SANITIZE_ADDRESS__)
#define NX_VECTORIZED \
  __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default"), optimize("O3")))
#else
#define NX_VECTORIZED
#endif
