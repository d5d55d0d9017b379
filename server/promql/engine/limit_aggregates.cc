// limitk and limit_ratio: some of the series of each group, whatever their values.

#include <xxhash.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "core/strings/numbers.h"
#include "server/promql/engine/aggregate.h"
#include "server/promql/engine/annotations.h"
#include "server/promql/engine/basic_ops.h"
#include "server/promql/engine/go_heap.h"

namespace narthex::promql {
namespace {

void AppendSized(std::string* out, std::string_view text) {
  const size_t n = text.size();
  if (n < 255) {
    out->push_back(static_cast<char>(n));
  } else {
    for (const size_t byte : {size_t{255}, n & 255, n >> 8 & 255, n >> 16 & 255}) {
      out->push_back(static_cast<char>(byte));
    }
  }
  out->append(text);
}

// Where in [0, 1] a series lies. Prometheus' released binaries hash their label sets in the form
// they hold them in: each string behind its length in one byte, or 255 and the length in three.
double Offset(const Labels& labels) {
  std::string bytes;
  for (const Label& label : labels) {
    AppendSized(&bytes, label.name);
    AppendSized(&bytes, label.value);
  }
  return static_cast<double>(XXH64(bytes.data(), bytes.size(), 0)) / 0x1p64;
}

// A ratio below zero picks what its complement leaves.
bool InRatio(double ratio, double offset) {
  return ratio >= 0 ? offset < ratio : offset >= 1 + ratio;
}

StatusOr<std::vector<double>> CheckRatios(const AggregateExpr& expr, QueryContext& context,
                                          std::vector<double> ratios) {
  double low = 0;
  double high = 0;
  for (double r : ratios) {
    if (std::isnan(r)) return FailedPrecondition("Ratio value is NaN");
    low = std::min(low, r);
    high = std::max(high, r);
  }
  if (high > 1) context.Warn(note::InvalidRatio(high, 1), expr.param->pos);
  if (low < -1) context.Warn(note::InvalidRatio(low, -1), expr.param->pos);
  for (double& r : ratios) r = std::clamp(r, -1.0, 1.0);
  return ratios;
}

// Instant queries list the groups one after the other, each as a heap of its values: upstream keeps
// the series of all aggregations that pick some in one.
std::vector<size_t> HeapOrder(const MetGroups& met, const std::vector<uint32_t>& groups,
                              const std::vector<double>& values) {
  std::map<uint32_t, std::vector<size_t>> heaps;
  const auto less = [&](size_t a, size_t b) {
    return std::isnan(values[a]) || values[a] < values[b];
  };
  for (size_t i = 0; i < groups.size(); ++i) GoHeapPush(&heaps[groups[i]], i, less);
  std::vector<size_t> order;
  for (uint32_t group : met.order()) {
    order.insert(order.end(), heaps[group].begin(), heaps[group].end());
  }
  return order;
}

}  // namespace

StatusOr<OperatorPtr> LimitAggregate(const AggregateExpr& expr, OperatorPtr input,
                                     const Groups& groups, const std::vector<double>& param) {
  const bool ratio = expr.op == AggregateOp::kLimitRatio;
  const size_t steps = input->window().steps;
  std::vector<double> limit = param;
  if (ratio) {
    NX_ASSIGN_OR_RETURN(limit, CheckRatios(expr, input->context(), param));
  } else {
    NX_RETURN_IF_ERROR(CheckK(param));
  }
  const size_t cells = ratio ? 0 : groups.labels.size() * steps;
  NX_RETURN_IF_ERROR(input->context().Charge(cells));
  MemoryHold hold = input->context().NewHold();
  if (!hold.Grow(cells * sizeof(uint32_t))) return input->context().CheckMemory();
  std::vector<uint32_t> taken(cells, 0);
  RowStore kept(input->context(), steps);
  PickedLabels labels;
  std::vector<uint32_t> group_of;
  std::vector<double> first_values;
  MetGroups met(groups.labels.size());
  Tile out;
  NX_RETURN_IF_ERROR(ForEachTile(*input, [&](size_t first, const Tile& tile) {
    for (size_t row = 0; row < tile.rows(); ++row) {
      if (tile.RowEmpty(row)) continue;
      const uint32_t group = groups.of_series[first + row];
      met.Meet(group);
      const double offset = ratio ? Offset(input->labels(first + row)) : 0;
      out.Reset(1, steps);
      out.Overlay(tile, row, 0);
      ForEachBit(tile.presence(row), tile.words(), [&](size_t i) {
        const bool in = ratio ? InRatio(limit[i], offset)
                              : limit[i] >= 1 && taken[group * steps + i] < std::trunc(limit[i]);
        if (!in) return out.Remove(0, i);
        if (!ratio) ++taken[group * steps + i];
      });
      if (out.RowEmpty(0)) continue;
      kept.Add(out, 0);
      labels.Add(*input, first + row);
      group_of.push_back(group);
      first_values.push_back(out.values(0)[0]);
    }
    return OkStatus();
  }));
  if (steps != 1) {
    return MakeStored(&input->context(), input->window(), std::move(labels), std::move(kept),
                      input->one_name());
  }
  RowStore rows(input->context(), steps);
  PickedLabels ordered;
  for (size_t i : HeapOrder(met, group_of, first_values)) {
    out.Reset(1, steps);
    kept.Load(i, &out, 0);
    rows.Add(out, 0);
    ordered.Add(std::move(labels.labels[i]),
                i < labels.drop_name.size() && labels.drop_name[i] != 0);
  }
  return MakeStored(&input->context(), input->window(), std::move(ordered), std::move(rows),
                    input->one_name());
}

}  // namespace narthex::promql
