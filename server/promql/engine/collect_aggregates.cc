// Aggregations that keep samples rather than sums: topk, bottomk, quantile, count_values.

#include <cmath>
#include <map>

#include "core/base/string_map.h"
#include "core/strings/numbers.h"
#include "server/promql/engine/aggregate.h"
#include "server/promql/engine/annotations.h"
#include "server/promql/engine/basic_ops.h"
#include "server/promql/engine/cell_lists.h"
#include "server/promql/engine/go_heap.h"
#include "server/promql/engine/go_sort.h"
#include "server/promql/functions/quantile.h"

namespace narthex::promql {
namespace {

constexpr size_t kMapNodeBytes = 64;  // of a small key and value

struct Candidate {
  double value;
  uint32_t series;
};

// topk keeps the smallest on top of its heap, bottomk the largest; NaN loses against any number.
// A NaN passes another one, as upstream's: which of them is thrown out depends on it.
bool TopLess(const Candidate& a, const Candidate& b) {
  if (std::isnan(a.value)) return true;
  return a.value < b.value;
}
bool BottomLess(const Candidate& a, const Candidate& b) {
  if (std::isnan(a.value)) return true;
  return a.value > b.value;
}

bool Beats(double candidate, double worst, bool top) {
  if (std::isnan(worst)) return !std::isnan(candidate);
  return top ? worst < candidate : worst > candidate;
}

using Heaps = CellLists<Candidate>;

// Instant queries list each group's elements from the best on.
OperatorPtr OrderedResult(const Operator& input, const MetGroups& met, Heaps* heaps, bool top) {
  RowStore rows(input.context(), 1);
  PickedLabels labels;
  const uint64_t present = 1;
  const auto less = top ? TopLess : BottomLess;
  for (uint32_t group : met.order()) {
    heaps->ForEach(group, [&](size_t, std::vector<Candidate>& heap) {
      GoSortReversed(&heap, less);
      for (const Candidate& c : heap) {
        rows.Add(&c.value, &present);
        labels.Add(input, c.series);
      }
    });
  }
  return MakeStored(&input.context(), input.window(), std::move(labels), std::move(rows),
                    input.one_name());
}

OperatorPtr RangeResult(const Operator& input, size_t groups, Heaps* heaps) {
  const size_t steps = input.window().steps;
  struct Cell {
    size_t step;
    double value;
  };
  std::map<uint32_t, std::vector<Cell>> cells;  // by series
  MemoryHold hold = input.context().NewHold();
  for (size_t group = 0; group < groups; ++group) {
    heaps->ForEach(group, [&](size_t step, const std::vector<Candidate>& heap) {
      // The lists double.
      if (!hold.Grow(heap.size() * 2 * sizeof(Cell))) return;
      for (const Candidate& c : heap) cells[c.series].push_back({step, c.value});
    });
  }
  RowStore rows(input.context(), steps);
  PickedLabels labels;
  Tile tile;
  for (const auto& [series, list] : cells) {
    tile.Reset(1, steps);
    for (const Cell& cell : list) tile.Set(0, cell.step, cell.value);
    rows.Add(tile.values(0), tile.presence(0));
    labels.Add(input, series);
  }
  return MakeStored(&input.context(), input.window(), std::move(labels), std::move(rows),
                    input.one_name());
}

void NoteHistograms(const Operator& input, const Tile& tile, AggregateOp op, PosRange where) {
  if (!tile.HasHistograms()) return;
  for (size_t row = 0; row < tile.rows(); ++row) {
    if (!tile.AnyHistogram(row)) continue;
    return input.context().Inform(note::IgnoredInAggregation(AggregateOpName(op)), where);
  }
}

// Calls visit(step, value) for the numbers of a row.
template <typename Visit>
void ForEachFloat(const Tile& tile, size_t row, Visit visit) {
  for (size_t w = 0; w < tile.words(); ++w) {
    const uint64_t word = tile.FloatWord(row, w);
    ForEachBit(&word, 1, [&](size_t bit) {
      const size_t i = w * 64 + bit;
      visit(i, tile.values(row)[i]);
    });
  }
}

}  // namespace

Status CheckK(const std::vector<double>& k) {
  for (double v : k) {
    if (std::isnan(v)) return FailedPrecondition("Parameter value is NaN");
    if (v >= 9223372036854775807.0) {
      return FailedPrecondition("Scalar value {} overflows int64", FormatFloat(v));
    }
    if (v <= -9223372036854775808.0) {
      return FailedPrecondition("Scalar value {} underflows int64", FormatFloat(v));
    }
  }
  return OkStatus();
}

StatusOr<OperatorPtr> TopAggregate(const AggregateExpr& expr, const Operator& input,
                                   const Groups& groups, const std::vector<double>& k) {
  NX_RETURN_IF_ERROR(CheckK(k));
  const size_t steps = input.window().steps;
  const bool top = expr.op == AggregateOp::kTopK;
  const auto less = top ? TopLess : BottomLess;
  Heaps heaps(input.context(), groups.labels.size(), steps);
  NX_RETURN_IF_ERROR(input.context().CheckMemory());
  MetGroups met(groups.labels.size());
  const bool wanted = std::any_of(k.begin(), k.end(), [](double v) { return v >= 1; });
  NX_RETURN_IF_ERROR(ForEachTile(input, [&](size_t first, const Tile& tile) {
    if (wanted) NoteHistograms(input, tile, expr.op, expr.pos);
    for (size_t row = 0; row < tile.rows(); ++row) {
      const auto series = static_cast<uint32_t>(first + row);
      if (!tile.RowEmpty(row)) met.Meet(groups.of_series[series]);
      ForEachFloat(tile, row, [&](size_t i, double value) {
        if (k[i] < 1) return;
        auto& heap = heaps.at(groups.of_series[series], i);
        const Candidate candidate{value, series};
        if (static_cast<double>(heap.size()) < std::trunc(k[i])) {
          heaps.MakeRoom(&heap);
          GoHeapPush(&heap, candidate, less);
        } else if (Beats(candidate.value, heap.front().value, top)) {
          heap.front() = candidate;
          GoHeapFixTop(&heap, less);
        }
      });
    }
    return OkStatus();
  }));
  if (steps == 1) return OrderedResult(input, met, &heaps, top);
  return RangeResult(input, groups.labels.size(), &heaps);
}

StatusOr<OperatorPtr> QuantileAggregate(const AggregateExpr& expr, const Operator& input,
                                        const Groups& groups, const std::vector<double>& phi,
                                        bool one_name) {
  const size_t steps = input.window().steps;
  CellLists<double> values(input.context(), groups.labels.size(), steps);
  NX_RETURN_IF_ERROR(input.context().CheckMemory());
  MetGroups met(groups.labels.size());
  NX_RETURN_IF_ERROR(ForEachTile(input, [&](size_t first, const Tile& tile) {
    NoteHistograms(input, tile, expr.op, expr.expr->pos);
    for (size_t row = 0; row < tile.rows(); ++row) {
      const uint32_t group = groups.of_series[first + row];
      if (!tile.RowEmpty(row)) met.Meet(group);
      ForEachFloat(tile, row, [&](size_t i, double v) {
        std::vector<double>& list = values.at(group, i);
        values.MakeRoom(&list);
        list.push_back(v);
      });
    }
    return OkStatus();
  }));
  NX_RETURN_IF_ERROR(input.context().CheckMemory());
  RowStore rows(input.context(), steps);
  PickedLabels labels;
  Tile tile;
  for (uint32_t group : met.order()) {
    if (values.Empty(group)) continue;
    tile.Reset(1, steps);
    values.ForEach(group, [&](size_t step, std::vector<double>& v) {
      tile.Set(0, step, Quantile(phi[step], v));
    });
    rows.Add(tile.values(0), tile.presence(0));
    labels.Add(groups.labels[group], groups.drops_name(group));
  }
  return MakeStored(&input.context(), input.window(), std::move(labels), std::move(rows), one_name);
}

StatusOr<OperatorPtr> CountValuesAggregate(const Operator& input, const std::string& label,
                                           const LabelSelection& selection) {
  const size_t steps = input.window().steps;
  StringMap<size_t> index;
  std::vector<Labels> labels;
  std::vector<std::map<size_t, double>> counts;  // by step
  MemoryHold hold = input.context().NewHold();
  LabelsBuilder edit;
  std::string key;
  NX_RETURN_IF_ERROR(ForEachTile(input, [&](size_t first, const Tile& tile) {
    for (size_t row = 0; row < tile.rows(); ++row) {
      ForEachBit(tile.presence(row), tile.words(), [&](size_t i) {
        edit.Reset(input.labels(first + row));
        const HistogramPtr& h = tile.Histogram(row, i);
        edit.Set(label, h ? ToString(*h) : FormatFloatF(tile.values(row)[i], -1));
        selection.SelectInto(edit.Build(), &key);
        const auto [it, added] = index.try_emplace(key, labels.size());
        if (added) {
          hold.Grow(2 * (sizeof(Labels) + key.size()) + 64);
          labels.push_back(Labels::FromFlat(key));
          counts.emplace_back();
        }
        const auto [count, fresh] = counts[it->second].try_emplace(i, 0);
        if (fresh) hold.Grow(kMapNodeBytes);
        count->second += 1;
      });
      NX_RETURN_IF_ERROR(input.context().CheckMemory());
    }
    return OkStatus();
  }));
  RowStore rows(input.context(), steps);
  Tile tile;
  for (const auto& by_step : counts) {
    tile.Reset(1, steps);
    for (const auto& [step, count] : by_step) tile.Set(0, step, count);
    rows.Add(tile.values(0), tile.presence(0));
  }
  return MakeStored(&input.context(), input.window(), std::move(labels), std::move(rows), false);
}

}  // namespace narthex::promql
