// Functions that change what a result consists of: vector, scalar, absent, sort.

#include <cmath>
#include <limits>
#include <map>
#include <numeric>

#include "server/promql/engine/basic_ops.h"
#include "server/promql/engine/go_sort.h"
#include "server/promql/functions/absent_labels.h"
#include "server/promql/functions/registry.h"

namespace narthex::promql {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

// A scalar operator already is one row without labels.
StatusOr<OperatorPtr> Vector(Builder& builder, const Call& call, const EvalWindow& window) {
  return builder.Build(*call.args[0], window);
}

StatusOr<OperatorPtr> Scalar(Builder& builder, const Call& call, const EvalWindow& window) {
  NX_ASSIGN_OR_RETURN(OperatorPtr op, builder.Build(*call.args[0], window));
  std::vector<double> values(window.steps, kNaN);
  std::vector<uint8_t> seen(window.steps, 0);
  NX_RETURN_IF_ERROR(ForEachTile(*op, [&](size_t, const Tile& tile) {
    for (size_t row = 0; row < tile.rows(); ++row) {
      ForEachBit(tile.presence(row), tile.words(), [&](size_t i) {
        if (tile.Histogram(row, i)) return;
        values[i] = seen[i] ? kNaN : tile.values(row)[i];
        seen[i] = 1;
      });
    }
    return OkStatus();
  }));
  return MakeScalar(&builder.context(), window, [&](size_t i) { return values[i]; });
}

StatusOr<OperatorPtr> Absent(Builder& builder, const Call& call, const EvalWindow& window) {
  NX_ASSIGN_OR_RETURN(const OperatorPtr op, builder.Build(*call.args[0], window));
  return MakeAbsent(*op, *call.args[0], false);
}

// Only instant queries have an order; over a range the result is sorted by labels anyway.
template <bool kDescending>
StatusOr<OperatorPtr> Sort(Builder& builder, const Call& call, const EvalWindow& window) {
  NX_ASSIGN_OR_RETURN(OperatorPtr op, builder.Build(*call.args[0], window));
  if (window.steps != 1) {
    return MakeCellMap(std::move(op), NameRule::kKeep,
                       [](Tile* tile, size_t row) { tile->DropHistograms(row); });
  }
  std::vector<double> values;
  PickedLabels labels;
  MemoryHold hold = builder.context().NewHold();
  if (!hold.Grow(BytesOf(op->all_labels()) + op->size() * 4 * sizeof(double))) {
    return builder.context().CheckMemory();
  }
  NX_RETURN_IF_ERROR(ForEachTile(*op, [&](size_t first, const Tile& tile) {
    for (size_t row = 0; row < tile.rows(); ++row) {
      if (!tile.Has(row, 0) || tile.Histogram(row, 0)) continue;
      values.push_back(tile.values(row)[0]);
      labels.Add(*op, first + row);
    }
    return OkStatus();
  }));
  std::vector<size_t> order(values.size());
  std::iota(order.begin(), order.end(), size_t{0});
  // NaN comes last in either direction.
  const auto worse = [&](size_t a, size_t b) {
    if (std::isnan(values[a])) return true;
    return kDescending ? values[a] < values[b] : values[a] > values[b];
  };
  GoSortReversed(&order, worse);
  RowStore rows(builder.context(), 1);
  PickedLabels sorted;
  const uint64_t present = 1;
  for (size_t i : order) {
    rows.Add(&values[i], &present);
    sorted.Add(std::move(labels.labels[i]),
               i < labels.drop_name.size() && labels.drop_name[i] != 0);
  }
  return MakeStored(&builder.context(), window, std::move(sorted), std::move(rows), op->one_name());
}

constexpr FunctionEntry kFunctions[] = {
    {"vector", Vector},    {"scalar", Scalar},        {"absent", Absent},
    {"sort", Sort<false>}, {"sort_desc", Sort<true>},
};

}  // namespace

Labels LabelsForAbsent(const Expr& arg) {
  const Expr& expr = Unwrap(arg);
  const std::vector<Matcher>* matchers = nullptr;
  if (expr.kind == ExprKind::kVectorSelector) matchers = &expr.As<VectorSelector>().matchers;
  if (expr.kind == ExprKind::kMatrixSelector) {
    matchers = &expr.As<MatrixSelector>().selector->matchers;
  }
  LabelsBuilder labels;
  if (matchers == nullptr) return labels.Build();
  std::map<std::string_view, bool> seen;
  for (const Matcher& m : *matchers) {
    if (m.name() == kMetricNameLabel) continue;
    if (m.type() == MatchType::kEqual && !seen[m.name()]) {
      labels.Set(m.name(), m.value());
      seen[m.name()] = true;
    } else {
      labels.Del(m.name());
    }
  }
  return labels.Build();
}

StatusOr<OperatorPtr> MakeAbsent(const Operator& op, const Expr& arg, bool drops_name) {
  const size_t steps = op.window().steps;
  std::vector<uint64_t> present(PresenceWords(steps), 0);
  NX_RETURN_IF_ERROR(ForEachTile(op, [&](size_t, const Tile& tile) {
    for (size_t row = 0; row < tile.rows(); ++row) {
      for (size_t w = 0; w < tile.words(); ++w) present[w] |= tile.presence(row)[w];
    }
    return OkStatus();
  }));
  std::vector<uint64_t> absent(present.size());
  for (size_t w = 0; w < present.size(); ++w) absent[w] = ~present[w] & FullWord(steps, w);
  RowStore rows(op.context(), steps);
  rows.Add(std::vector<double>(steps, 1.0).data(), absent.data());
  PickedLabels labels;
  labels.Add(LabelsForAbsent(arg), drops_name);
  return MakeStored(&op.context(), op.window(), std::move(labels), std::move(rows), true);
}

std::span<const FunctionEntry> ShapeFunctions() { return kFunctions; }

}  // namespace narthex::promql
