#include "server/promql/engine/results.h"

#include <algorithm>
#include <numeric>

#include "server/promql/engine/basic_ops.h"
#include "server/promql/engine/window_bounds.h"

namespace narthex::promql {
namespace {

Status InstantVector(const Operator& op, TimestampMs t, QueryResult* result, MemoryHold* hold) {
  return ForEachTile(op, [&](size_t first, const Tile& tile) {
    for (size_t row = 0; row < tile.rows(); ++row) {
      if (!tile.Has(row, 0)) continue;
      if (!hold->Grow(sizeof(VectorSample) + op.labels(first + row).flat().size())) break;
      if (tile.Histogram(row, 0)) hold->Grow(BytesOf(*tile.Histogram(row, 0)));
      result->vector.push_back(
          {op.labels(first + row), t, tile.values(row)[0], tile.Histogram(row, 0)});
    }
    return OkStatus();
  });
}

void CountSamples(const SampleCounter& counter, const storage::SampleColumns& samples, uint32_t lo,
                  uint32_t hi) {
  int64_t points = hi - lo;
  for (uint32_t i = lo; i < hi; ++i) {
    if (!samples.IsHistogram(i)) continue;
    points += static_cast<int64_t>(PointsOf(samples.histograms[samples.histogram_index[i]])) - 1;
  }
  counter.Add({&points, 1});
}

// A range selector or subquery by itself: its samples.
Status InstantMatrix(Builder& builder, const Expr& expr, const EvalWindow& window,
                     QueryResult* result, MemoryHold* hold) {
  // The samples below a subquery count, its own do not: it is no function's argument.
  const bool subquery = Unwrap(expr).kind == ExprKind::kSubquery;
  NX_ASSIGN_OR_RETURN(auto source, builder.BuildRange(expr, window, {}, subquery));
  const SampleCounter counter(&builder.context());
  MemoryHold hold_samples = builder.context().NewHold();
  storage::SampleColumns samples;
  WindowBounds bounds(source->windows());
  std::vector<Labels> labels = source->TakeLabels();
  MemoryHold hold_labels = builder.context().NewHold();
  hold_labels.Grow(BytesOf(labels));
  for (size_t i = 0; i < labels.size(); ++i) {
    NX_RETURN_IF_ERROR(builder.context().CheckAlive());
    NX_RETURN_IF_ERROR(source->Load(i, &samples, &hold_samples));
    bounds.Find(samples.timestamps);
    const uint32_t lo = bounds.lo()[0];
    const uint32_t hi = bounds.hi()[0];
    if (lo == hi) continue;
    if (!subquery) CountSamples(counter, samples, lo, hi);
    NX_RETURN_IF_ERROR(builder.context().Charge(hi - lo));
    Series series{std::move(labels[i]), {}};
    hold->Grow(sizeof series + series.metric.flat().size());
    size_t numbers = hi - lo;
    if (!samples.histograms.empty()) {
      for (uint32_t k = lo; k < hi; ++k) numbers -= samples.IsHistogram(k) ? 1 : 0;
    }
    if (!hold->Grow(numbers * sizeof(Point))) return builder.context().CheckMemory();
    series.points.resize(numbers);
    auto point = series.points.begin();
    const bool floats = samples.histograms.empty();
    for (uint32_t k = lo; k < hi; ++k) {
      if (floats || !samples.IsHistogram(k)) {
        *point++ = {samples.timestamps[k], samples.values[k]};
      } else {
        series.histograms.push_back({samples.timestamps[k], TakeHistogram(&samples, k)});
        hold->Grow(BytesOf(*series.histograms.back().histogram) + 2 * sizeof(HistogramPoint));
      }
    }
    result->matrix.push_back(std::move(series));
  }
  SortMatrix(&result->matrix);
  return OkStatus();
}

// What belongs at each place of a matrix. Storage has the series of one target behind those of the
// other, so that results come in few ascending runs; these are merged, two by two.
std::vector<uint32_t> SortedOrder(const std::vector<Series>& matrix) {
  const auto before = [&](uint32_t a, uint32_t b) { return matrix[a].metric < matrix[b].metric; };
  std::vector<uint32_t> order(matrix.size());
  std::iota(order.begin(), order.end(), 0);
  std::vector<uint32_t> bounds = {0};  // of the runs
  for (uint32_t i = 1; i < order.size(); ++i) {
    if (before(i, i - 1)) bounds.push_back(i);
  }
  bounds.push_back(static_cast<uint32_t>(order.size()));
  std::vector<uint32_t> merged(bounds.size() > 2 ? order.size() : 0);
  while (bounds.size() > 2) {
    std::vector<uint32_t> merged_bounds = {0};
    for (size_t run = 0; run + 1 < bounds.size(); run += 2) {
      uint32_t* const middle = order.data() + bounds[run + 1];
      const uint32_t end = bounds[std::min(run + 2, bounds.size() - 1)];
      std::merge(order.data() + bounds[run], middle, middle, order.data() + end,
                 merged.data() + bounds[run], before);
      merged_bounds.push_back(end);
    }
    order.swap(merged);
    bounds.swap(merged_bounds);
  }
  return order;
}

}  // namespace

Status EvaluateInstant(Builder& builder, const Expr& expr, const EvalWindow& window,
                       QueryResult* result, MemoryHold* hold) {
  result->type = expr.type;
  switch (expr.type) {
    case ValueType::kString:
      result->string = StringValue(expr);
      result->scalar.t = window.start;
      return OkStatus();
    case ValueType::kScalar: {
      NX_ASSIGN_OR_RETURN(const auto values, builder.BuildScalar(expr, window));
      result->scalar = {window.start, values[0]};
      return OkStatus();
    }
    case ValueType::kMatrix: return InstantMatrix(builder, expr, window, result, hold);
    default: {
      NX_ASSIGN_OR_RETURN(OperatorPtr op, builder.Build(expr, window));
      op = MakeNamesFinal(std::move(op));
      return InstantVector(*op, window.start, result, hold);
    }
  }
}

Status EvaluateRange(Builder& builder, const Expr& expr, const EvalWindow& window,
                     QueryResult* result, MemoryHold* hold) {
  result->type = ValueType::kMatrix;
  NX_RETURN_IF_ERROR(builder.CheckSteps(window.steps));
  NX_ASSIGN_OR_RETURN(OperatorPtr op, builder.Build(expr, window));
  op = MakeNamesFinal(std::move(op));
  std::vector<size_t> rows;  // of the series of the result
  NX_RETURN_IF_ERROR(ForEachTile(*op, [&](size_t first, const Tile& tile) {
    for (size_t row = 0; row < tile.rows(); ++row) {
      if (tile.RowEmpty(row)) continue;
      size_t numbers = 0;
      for (size_t w = 0; w < tile.words(); ++w) numbers += std::popcount(tile.FloatWord(row, w));
      const size_t bytes = sizeof(Series) + sizeof(size_t) + op->labels(first + row).flat().size() +
                           numbers * sizeof(Point);
      if (!hold->Grow(bytes + tile.histograms(row).Bytes())) return op->context().CheckMemory();
      rows.push_back(first + row);
      Series& series = result->matrix.emplace_back();
      series.points.reserve(numbers);
      if (!tile.HasHistograms(row)) {
        const double* const values = tile.values(row);
        ForEachBit(tile.presence(row), tile.words(),
                   [&](size_t i) { series.points.push_back({window.ts(i), values[i]}); });
        continue;
      }
      ForEachBit(tile.presence(row), tile.words(), [&](size_t i) {
        if (const HistogramPtr& h = tile.Histogram(row, i)) {
          series.histograms.push_back({window.ts(i), h});
        } else {
          series.points.push_back({window.ts(i), tile.values(row)[i]});
        }
      });
    }
    return OkStatus();
  }));
  std::vector<Labels> labels = op->TakeLabels();
  for (size_t i = 0; i < rows.size(); ++i) result->matrix[i].metric = std::move(labels[rows[i]]);
  return OkStatus();
}

void SortMatrix(std::vector<Series>* matrix) {
  std::vector<Series>& series = *matrix;
  std::vector<uint32_t> order = SortedOrder(series);
  for (uint32_t i = 0; i < order.size(); ++i) {
    if (order[i] == i) continue;
    Series first = std::move(series[i]);
    uint32_t at = i;
    for (uint32_t next = order[at]; next != i; next = order[at]) {
      series[at] = std::move(series[next]);
      order[at] = at;
      at = next;
    }
    series[at] = std::move(first);
    order[at] = at;
  }
}

}  // namespace narthex::promql
