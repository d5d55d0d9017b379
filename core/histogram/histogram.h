#pragma once
// Native histograms: the integer form that is scraped and stored, and the float form that PromQL
// computes with. Plain values; the arithmetic lives in PromQL, the coding in the storage engine.
//
// Exponential schemas -4 … 8: bucket i of the positive side covers (2^((i-1)/2^schema),
// 2^(i/2^schema)]; 9 … 52 may arrive by remote write and are reduced to 8 by who takes them in.
// Schema -53: custom buckets, whose inclusive upper bounds are custom_values; no zero bucket, no
// negative side. Sides are sparse: spans say where, buckets say how many. In the integer form
// each bucket is the difference to the one before, in the float form the absolute count.
// (Prometheus' native histogram specification.)
//
// Thread safety: none; distinct objects are independent.

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/base/status.h"

namespace narthex {

inline constexpr int32_t kMinExponentialSchema = -4;
inline constexpr int32_t kMaxExponentialSchema = 8;
inline constexpr int32_t kCustomBucketsSchema = -53;

// A run of `length` neighbouring buckets, `offset` buckets after the end of the run before (of the
// first one: the index of its first bucket).
struct BucketSpan {
  int32_t offset = 0;
  uint32_t length = 0;
  friend bool operator==(const BucketSpan&, const BucketSpan&) = default;
};

// What is known about a reset of the counter between the sample before and this one.
enum class CounterResetHint : uint8_t { kUnknown, kReset, kNotReset, kGauge };

struct IntHistogram {
  CounterResetHint reset = CounterResetHint::kUnknown;
  int32_t schema = 0;
  double zero_threshold = 0;
  uint64_t zero_count = 0;
  uint64_t count = 0;
  double sum = 0;  // StaleNaN marks the end of the series
  std::vector<BucketSpan> positive_spans, negative_spans;
  std::vector<int64_t> positive_deltas, negative_deltas;
  std::vector<double> custom_values;  // schema -53 only, ascending, +Inf left out

  bool custom_buckets() const { return schema == kCustomBucketsSchema; }
};

struct FloatHistogram {
  CounterResetHint reset = CounterResetHint::kUnknown;
  int32_t schema = 0;
  double zero_threshold = 0;
  double zero_count = 0;
  double count = 0;
  double sum = 0;  // StaleNaN marks the end of the series
  std::vector<BucketSpan> positive_spans, negative_spans;
  std::vector<double> positive_buckets, negative_buckets;
  std::vector<double> custom_values;

  bool custom_buckets() const { return schema == kCustomBucketsSchema; }
};

// Number of buckets a list of spans describes.
size_t BucketsOf(std::span<const BucketSpan> spans);
FloatHistogram ToFloat(const IntHistogram& histogram);
// Equal bit for bit, NaN sums included; hints too.
bool SameBits(const IntHistogram& a, const IntHistogram& b);
bool SameBits(const FloatHistogram& a, const FloatHistogram& b);

// The same without its empty buckets, and with as few spans as that takes.
FloatHistogram WithoutEmptyBuckets(FloatHistogram histogram);
// Equal but for hints, empty buckets and how the spans are written.
bool SameCounts(const IntHistogram& a, const IntHistogram& b);
bool SameCounts(const FloatHistogram& a, const FloatHistogram& b);

// Spans agree with buckets, counts add up, thresholds and custom bounds are legal. The errors have
// upstream's texts, since remote write answers with them.
Status Validate(const IntHistogram& histogram);
Status Validate(const FloatHistogram& histogram);

// {count:12, sum:18.4, [-4,-2):1, [-0.001,0.001]:2, (1,2]:3}: how upstream prints them, in query
// results of promtool and in dumps.
std::string ToString(const FloatHistogram& histogram);
std::string ToString(const IntHistogram& histogram);  // counts without exponents

}  // namespace narthex
