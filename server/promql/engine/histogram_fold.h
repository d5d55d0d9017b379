#pragma once
// sum and avg of histograms: what FoldAggregate keeps beside its numbers.

#include <map>
#include <optional>

#include "core/histogram/arithmetic.h"
#include "server/promql/engine/context.h"
#include "server/promql/engine/tile.h"

namespace narthex::promql {

class HistogramFold {
 public:
  HistogramFold(QueryContext* context, HistogramSum::Kind kind, PosRange where)
      : context_(context), kind_(kind), where_(where), hold_(context->NewHold()) {}

  // Adds the histograms of one row; `numbers` are the bits of the steps at which the group has
  // numbers already, `metric` is for messages.
  void Add(size_t group, const Tile& tile, size_t row, const uint64_t* numbers,
           std::string_view metric);
  // Adds the results of a group to a row that holds its numbers. Where a group had both, it has
  // no result.
  void Finish(size_t group, Tile* tile, size_t row);

 private:
  struct Cell {
    std::optional<HistogramSum> sum;  // none of what does not go together
    bool after_reset = false, no_reset = false;
    // Histograms did not go together and there was no number before: nothing is told of one behind.
    bool settled = false;
  };
  void AddTo(Cell* cell, const FloatHistogram& h, bool has_number, std::string_view metric);

  QueryContext* const context_;
  const HistogramSum::Kind kind_;
  const PosRange where_;
  MemoryHold hold_;
  std::map<std::pair<size_t, size_t>, Cell> cells_;  // by group and step
};

}  // namespace narthex::promql
