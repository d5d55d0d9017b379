#include "server/promql/functions/bucket_quantile.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace narthex::promql {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();
// Relative difference below which counts are taken as equal: rounding of rates and sums.
constexpr double kTolerance = 1e-12;

bool AlmostEqual(double a, double b) {
  constexpr double kMinNormal = std::numeric_limits<double>::min();
  if (std::isnan(a) && std::isnan(b)) return true;
  if (a == b) return true;
  const double sum = std::abs(a) + std::abs(b);
  const double diff = std::abs(a - b);
  if (a == 0 || b == 0 || sum < kMinNormal) return diff < kTolerance * kMinNormal;
  return diff / std::min(sum, std::numeric_limits<double>::max()) < kTolerance;
}

// Buckets with one bound count together.
void Coalesce(std::vector<ClassicBucket>* buckets) {
  size_t last = 0;
  for (size_t i = 1; i < buckets->size(); ++i) {
    if ((*buckets)[i].upper_bound == (*buckets)[last].upper_bound) {
      (*buckets)[last].count += (*buckets)[i].count;
    } else {
      (*buckets)[++last] = (*buckets)[i];
    }
  }
  buckets->resize(last + 1);
}

void MakeMonotonic(std::vector<ClassicBucket>* buckets, BucketQuantileResult* result) {
  double previous = buckets->front().count;
  for (size_t i = 1; i < buckets->size(); ++i) {
    ClassicBucket& bucket = (*buckets)[i];
    if (bucket.count == previous) continue;
    if (AlmostEqual(previous, bucket.count)) {
      bucket.count = previous;
    } else if (bucket.count < previous) {
      if (!result->forced_monotonic) result->min_bucket = bucket.upper_bound;
      result->max_bucket = bucket.upper_bound;
      result->max_diff = std::max(result->max_diff, previous - bucket.count);
      result->forced_monotonic = true;
      bucket.count = previous;
    } else {
      previous = bucket.count;
    }
  }
}

}  // namespace

double BucketFraction(double lower, double upper, std::vector<ClassicBucket>* buckets) {
  auto& b = *buckets;
  std::stable_sort(b.begin(), b.end(), [](const ClassicBucket& x, const ClassicBucket& y) {
    return x.upper_bound < y.upper_bound;
  });
  if (b.back().upper_bound != kInf) return kNaN;
  Coalesce(buckets);
  const double count = b.back().count;
  if (count == 0 || std::isnan(lower) || std::isnan(upper)) return kNaN;
  if (lower >= upper) return 0;
  const auto rank_of = [&](double v) {
    double rank = 0;
    for (size_t i = 0; i < b.size(); ++i) {
      // The first bucket begins at zero unless it ends there or below.
      const double from = i > 0 ? b[i - 1].upper_bound : (b[0].upper_bound > 0 ? 0 : -kInf);
      if (from >= v) return rank;
      if (b[i].upper_bound > v) {
        if (from == -kInf) return b[i].count;
        return rank + (b[i].count - rank) * (v - from) / (b[i].upper_bound - from);
      }
      rank = b[i].count;
    }
    return count;
  };
  const double lower_rank = std::min(rank_of(lower), count);
  const double upper_rank = std::min(rank_of(upper), count);
  return (upper_rank - lower_rank) / count;
}

BucketQuantileResult BucketQuantile(double q, std::vector<ClassicBucket>* buckets) {
  if (std::isnan(q)) return {kNaN};
  if (q < 0) return {-kInf};
  if (q > 1) return {kInf};
  auto& b = *buckets;
  std::stable_sort(b.begin(), b.end(), [](const ClassicBucket& x, const ClassicBucket& y) {
    return x.upper_bound < y.upper_bound;
  });
  if (b.back().upper_bound != kInf) return {kNaN};
  Coalesce(buckets);
  BucketQuantileResult result{kNaN};
  MakeMonotonic(buckets, &result);
  if (b.size() < 2) return {kNaN};
  const double observations = b.back().count;
  if (observations == 0) return {kNaN};
  double rank = q * observations;
  // The last bucket is taken when no other reaches the rank.
  const size_t i = static_cast<size_t>(
      std::partition_point(b.begin(), b.end() - 1,
                           [&](const ClassicBucket& x) { return !(x.count >= rank); }) -
      b.begin());
  if (i == b.size() - 1) {
    result.value = b[b.size() - 2].upper_bound;
    return result;
  }
  if (i == 0 && b[0].upper_bound <= 0) {
    result.value = b[0].upper_bound;
    return result;
  }
  double start = 0;
  const double end = b[i].upper_bound;
  double count = b[i].count;
  if (i > 0) {
    start = b[i - 1].upper_bound;
    count -= b[i - 1].count;
    rank -= b[i - 1].count;
  }
  result.value = start + (end - start) * (rank / count);
  return result;
}

}  // namespace narthex::promql
