#pragma once
// Compensated summation after Kahan and Neumaier, in the order and with the treatment of infinity
// that Prometheus has, so that sums agree to the last bit.

#include <cmath>

namespace narthex::promql {

// Adds `inc` to (sum, c); the total is sum + c.
inline void KahanAdd(double inc, double* sum, double* c) {
  const double t = *sum + inc;
  if (std::isinf(t)) {
    *c = 0;
  } else if (std::abs(*sum) >= std::abs(inc)) {
    *c += (*sum - t) + inc;
  } else {
    *c += (inc - t) + *sum;
  }
  *sum = t;
}

}  // namespace narthex::promql
