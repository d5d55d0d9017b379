#pragma once
// Where the buckets of a native histogram lie.

#include <cstdint>
#include <span>
#include <string>

namespace narthex {

// The inclusive upper bound of the bucket `index` of the positive side. Of a custom-bucket
// histogram: -Inf below the first bound, +Inf behind the last one.
double BucketBound(int32_t index, int32_t schema, std::span<const double> custom_values);

struct Bucket {
  double lower = 0;
  double upper = 0;
  bool lower_inclusive = false;
  bool upper_inclusive = false;
};

// The bucket `index` of one side.
Bucket BucketAt(int32_t index, bool positive, int32_t schema,
                std::span<const double> custom_values);

}  // namespace narthex
