#include "server/promql/engine/histogram_fold.h"

#include "server/promql/engine/annotations.h"

namespace narthex::promql {

void HistogramFold::Add(size_t group, const Tile& tile, size_t row, const uint64_t* numbers,
                        std::string_view metric) {
  const HistogramRow& histograms = tile.histograms(row);
  ForEachBit(histograms.bits.data(), histograms.bits.size(), [&](size_t step) {
    const FloatHistogram& h = *histograms.cells[step];
    const auto [it, added] = cells_.try_emplace({group, step});
    if (added) {
      hold_.Grow(sizeof *it + 48);
      // What began with a number has no result: nothing is added, and nothing said of it.
      if (TestBit(numbers, step)) return;
      hold_.Grow(2 * BytesOf(h));  // the sum and its compensation
      it->second.sum.emplace(kind_, h);
    }
    it->second.after_reset |= h.reset == CounterResetHint::kReset;
    it->second.no_reset |= h.reset == CounterResetHint::kNotReset;
    if (!added) AddTo(&it->second, h, TestBit(numbers, step), metric);
  });
}

void HistogramFold::AddTo(Cell* cell, const FloatHistogram& h, bool has_number,
                          std::string_view metric) {
  if (!cell->sum) return;
  const auto notes = cell->sum->Add(h);
  if (!notes.ok()) {
    context_->Warn(note::MixedExponentialCustom(metric), where_);
    cell->sum.reset();
    cell->settled = !has_number;
  } else if (notes->bounds_reconciled) {
    context_->Inform(note::BoundsReconciled("aggregation"), where_);
  }
}

void HistogramFold::Finish(size_t group, Tile* tile, size_t row) {
  for (auto it = cells_.lower_bound({group, 0}); it != cells_.end() && it->first.first == group;
       ++it) {
    const size_t step = it->first.second;
    Cell& cell = it->second;
    if (tile->Has(row, step)) {
      if (!cell.settled) context_->Warn(note::MixedFloatsHistogramsInAggregation(), where_);
      tile->Remove(row, step);
      continue;
    }
    if (!cell.sum) continue;
    if (cell.after_reset && cell.no_reset) {
      context_->Warn(note::ResetCollision("aggregation"), where_);
    }
    tile->SetHistogram(row, step, std::make_shared<const FloatHistogram>(cell.sum->Result()));
  }
}

}  // namespace narthex::promql
