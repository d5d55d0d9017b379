#include "server/promql/engine/results.h"

#include <algorithm>

#include "server/promql/engine/basic_ops.h"

namespace narthex::promql {
namespace {

Status InstantVector(const Operator& op, TimestampMs t, QueryResult* result) {
  return ForEachTile(op, [&](size_t first, const Tile& tile) {
    for (size_t row = 0; row < tile.rows(); ++row) {
      if (!tile.Has(row, 0)) continue;
      result->vector.push_back(
          {op.labels(first + row), t, tile.values(row)[0], tile.Histogram(row, 0)});
    }
    return OkStatus();
  });
}

// A range selector or subquery by itself: its samples.
Status InstantMatrix(Builder& builder, const Expr& expr, const EvalWindow& window,
                     QueryResult* result) {
  NX_ASSIGN_OR_RETURN(auto source, builder.BuildRange(expr, window));
  storage::SampleColumns samples;
  std::vector<uint32_t> lo;
  std::vector<uint32_t> hi;
  for (size_t i = 0; i < source->labels().size(); ++i) {
    NX_RETURN_IF_ERROR(builder.context().CheckAlive());
    NX_RETURN_IF_ERROR(source->Load(i, &samples));
    FindWindows(source->windows(), samples.timestamps, &lo, &hi);
    if (lo[0] == hi[0]) continue;
    builder.context().CountQueryable(hi[0] - lo[0]);
    NX_RETURN_IF_ERROR(builder.context().Charge(hi[0] - lo[0]));
    Series series{source->labels()[i], {}};
    for (uint32_t k = lo[0]; k < hi[0]; ++k) {
      if (samples.IsHistogram(k)) {
        series.histograms.push_back({samples.timestamps[k], TakeHistogram(&samples, k)});
      } else {
        series.points.push_back({samples.timestamps[k], samples.values[k]});
      }
    }
    result->matrix.push_back(std::move(series));
  }
  SortMatrix(&result->matrix);
  return OkStatus();
}

}  // namespace

Status EvaluateInstant(Builder& builder, const Expr& expr, const EvalWindow& window,
                       QueryResult* result) {
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
    case ValueType::kMatrix:
      return InstantMatrix(builder, expr, window, result);
    default: {
      NX_ASSIGN_OR_RETURN(OperatorPtr op, builder.Build(expr, window));
      return InstantVector(*op, window.start, result);
    }
  }
}

Status EvaluateRange(Builder& builder, const Expr& expr, const EvalWindow& window,
                     QueryResult* result) {
  result->type = ValueType::kMatrix;
  NX_RETURN_IF_ERROR(builder.CheckSteps(window.steps));
  NX_ASSIGN_OR_RETURN(OperatorPtr op, builder.Build(expr, window));
  return ForEachTile(*op, [&](size_t first, const Tile& tile) {
    for (size_t row = 0; row < tile.rows(); ++row) {
      if (tile.RowEmpty(row)) continue;
      Series series{op->labels(first + row), {}};
      ForEachBit(tile.presence(row), tile.words(), [&](size_t i) {
        if (const HistogramPtr& h = tile.Histogram(row, i)) {
          series.histograms.push_back({window.ts(i), h});
        } else {
          series.points.push_back({window.ts(i), tile.values(row)[i]});
        }
      });
      result->matrix.push_back(std::move(series));
    }
    return OkStatus();
  });
}

void SortMatrix(std::vector<Series>* matrix) {
  std::sort(matrix->begin(), matrix->end(),
            [](const Series& a, const Series& b) { return a.metric < b.metric; });
}

}  // namespace narthex::promql
