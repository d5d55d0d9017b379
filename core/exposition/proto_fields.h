#pragma once
// Field numbers of io.prometheus.client (proto/client_metrics.proto), for the hand-written reader
// and writer: generated classes would allocate for every label, and the exporters would carry the
// protobuf runtime.

#include <cstdint>

namespace narthex::client_proto {

enum class Family : uint32_t { kName = 1, kHelp = 2, kType = 3, kMetric = 4, kUnit = 5 };
enum class Metric : uint32_t {
  kLabel = 1,
  kGauge = 2,
  kCounter = 3,
  kSummary = 4,
  kUntyped = 5,
  kTimestampMs = 6,
  kHistogram = 7
};
enum class Pair : uint32_t { kName = 1, kValue = 2 };
enum class Scalar : uint32_t {
  kValue = 1,
  kExemplar = 2,
  kCreated = 3
};  // gauge, counter, untyped
enum class Quantile : uint32_t { kQuantile = 1, kValue = 2 };
enum class Summary : uint32_t { kCount = 1, kSum = 2, kQuantile = 3, kCreated = 4 };
enum class Bucket : uint32_t { kCount = 1, kUpperBound = 2, kExemplar = 3, kCountFloat = 4 };
enum class Span : uint32_t { kOffset = 1, kLength = 2 };
enum class Histogram : uint32_t {
  kCount = 1,
  kSum = 2,
  kBucket = 3,
  kCountFloat = 4,
  kSchema = 5,
  kZeroThreshold = 6,
  kZeroCount = 7,
  kZeroCountFloat = 8,
  kNegativeSpan = 9,
  kNegativeDelta = 10,
  kNegativeCount = 11,
  kPositiveSpan = 12,
  kPositiveDelta = 13,
  kPositiveCount = 14,
  kCreated = 15,
  kExemplars = 16
};
enum class Exemplar : uint32_t { kLabel = 1, kValue = 2, kTimestamp = 3 };
enum class Timestamp : uint32_t { kSeconds = 1, kNanos = 2 };

// Values of MetricType.
enum Type : int32_t {
  kTypeCounter = 0,
  kTypeGauge = 1,
  kTypeSummary = 2,
  kTypeUntyped = 3,
  kTypeHistogram = 4,
  kTypeGaugeHistogram = 5
};

}  // namespace narthex::client_proto
