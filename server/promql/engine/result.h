#pragma once
// What a query yields: a value of one of four types, annotations and statistics.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/base/clock.h"
#include "core/histogram/histogram.h"
#include "core/labels/labels.h"
#include "server/promql/parser/value_type.h"

namespace narthex::promql {

struct Point {
  TimestampMs t = 0;
  double v = 0;
  friend bool operator==(const Point&, const Point&) = default;
};

// One element of an instant vector: a number or, where there is one, a histogram.
struct VectorSample {
  Labels metric;
  TimestampMs t = 0;
  double v = 0;
  std::shared_ptr<const FloatHistogram> histogram = nullptr;
};

struct HistogramPoint {
  TimestampMs t = 0;
  std::shared_ptr<const FloatHistogram> histogram;
};

// One element of a matrix; points ascend in time and one of the lists is not empty.
struct Series {
  Labels metric;
  std::vector<Point> points;
  std::vector<HistogramPoint> histograms = {};
};

// The texts are complete as the API shows them ("PromQL info: … (1:6)"), sorted, each once.
struct Annotations {
  std::vector<std::string> warnings;
  std::vector<std::string> infos;
  bool empty() const { return warnings.empty() && infos.empty(); }
};

// Seconds of each stage and counts of samples, the members of the API's "stats".
struct QueryStats {
  double eval_total_time = 0;
  double result_sort_time = 0;
  double query_preparation_time = 0;
  double inner_eval_time = 0;
  double exec_queue_time = 0;
  double exec_total_time = 0;
  int64_t total_queryable_samples = 0;  // every sample of every window counts
  int64_t samples_read = 0;             // decoded from storage, each once
  int64_t peak_samples = 0;             // an estimate of the most held at once
  int64_t peak_memory_bytes = 0;
  // With per_step_stats: the counts by step.
  std::vector<int64_t> queryable_samples_per_step;
  std::vector<int64_t> samples_read_per_step;  // at the first step that needs a sample
  TimestampMs start = 0;
  int64_t step_ms = 0;
};

class QueryMemory;

struct QueryResult {
  ValueType type = ValueType::kNone;
  Point scalar;                      // kScalar
  std::string string;                // kString, at scalar.t
  std::vector<VectorSample> vector;  // kVector: in the engine's order
  std::vector<Series> matrix;        // kMatrix: sorted by labels
  Annotations annotations;
  QueryStats stats;
  // The result counts as held by its query until this is gone.
  std::shared_ptr<QueryMemory> memory;
};

}  // namespace narthex::promql
