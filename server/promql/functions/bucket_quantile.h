#pragma once
// Quantiles of classic histograms: interpolation inside the bucket the rank falls into.

#include <vector>

namespace narthex::promql {

struct ClassicBucket {
  double upper_bound;
  double count;  // cumulative
};

struct BucketQuantileResult {
  double value;
  bool forced_monotonic = false;  // some bucket had fewer than the one below it
  double min_bucket = 0, max_bucket = 0, max_diff = 0;  // which, and by how much
};

// Sorts and repairs `buckets`, which is not empty.
BucketQuantileResult BucketQuantile(double q, std::vector<ClassicBucket>* buckets);

// The share of observations in [lower, upper]. Sorts `buckets`, which is not empty.
double BucketFraction(double lower, double upper, std::vector<ClassicBucket>* buckets);

}  // namespace narthex::promql
