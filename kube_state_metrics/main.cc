// kube-state-metrics: the state of a cluster's objects as metrics.

#include <malloc.h>

#include "kube_state_metrics/program.h"

int main(int argc, char** argv) {
  mallopt(M_ARENA_MAX, 2);  // few threads, and what one frees another should reuse
  return narthex::ksm::RunProgram({argv + 1, argv + argc});
}
