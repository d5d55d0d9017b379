#pragma once
// Operators: the nodes of a running query. An operator knows its series when it is made (reading
// ahead what it must) and then yields their values, tile by tile, in any order and from any
// thread. A scalar is an operator of one row without labels that has a value at every step.
//
// Consumers that fold series into one another visit tiles in order of the series, so that answers
// do not depend on who produced the tiles.

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/status.h"
#include "core/labels/labels.h"
#include "server/promql/engine/context.h"
#include "server/promql/engine/tile.h"

namespace narthex::promql {

// What label sets take. O(n).
size_t BytesOf(std::span<const Labels> labels);

class Operator {
 public:
  Operator(QueryContext* context, const EvalWindow& window)
      : context_(context), window_(window), hold_(context->NewHold()) {}
  virtual ~Operator() = default;
  Operator(const Operator&) = delete;
  Operator& operator=(const Operator&) = delete;

  size_t size() const { return labels_.size(); }
  const Labels& labels(size_t row) const { return labels_[row]; }
  const std::vector<Labels>& all_labels() const { return labels_; }
  // Gives them away, at the end of an evaluation. They are counted until the operator goes.
  std::vector<Labels> TakeLabels() { return std::move(labels_); }
  // The name of all series, where the labels leave it out.
  const std::string& metric() const { return metric_; }
  // For messages.
  std::string_view metric_name(size_t row) const {
    return metric_.empty() ? labels_[row].metric_name() : metric_;
  }
  const EvalWindow& window() const { return window_; }
  QueryContext& context() const { return *context_; }
  // True when it is known that dropping metric names cannot make two series the same.
  bool one_name() const { return one_name_; }
  // With delayed_name_removal: whether the series loses its name at the end of the evaluation.
  bool drops_name(size_t row) const { return row < drop_name_.size() && drop_name_[row] != 0; }
  const std::vector<uint8_t>& drop_name() const { return drop_name_; }

  // Fills `out`, all absent and of window().steps, with the series from `first` on.
  virtual Status Produce(size_t first, Tile* out) const = 0;

 protected:
  // Labels that are counted. Copies that would not fit are not made: the operator of a query that
  // is about to fail is empty.
  void AdoptLabels(std::vector<Labels> labels);
  void CopyLabels(std::span<const Labels> labels);

  QueryContext* const context_;
  const EvalWindow window_;
  MemoryHold hold_;
  // Drops the names now, or when that is delayed, marks the series.
  void DropNames();

  std::vector<Labels> labels_;
  std::string metric_;
  std::vector<uint8_t> drop_name_;  // may be shorter than labels_: the others keep theirs
  bool one_name_ = false;
};
using OperatorPtr = std::unique_ptr<Operator>;

// Below this, waking a helper takes longer than the work.
inline constexpr size_t kCellsWorthHelp = 16 * 1024;

// ForEachTile with helpers (parallel_tiles.cc).
Status ForEachTileInParallel(const Operator& op,
                             const std::function<Status(size_t, const Tile&)>& visit);

// Calls visit(first, tile) for all series of `op` in order, on the calling thread. The tiles
// themselves are made by several threads where there are many.
template <typename Visit>
Status ForEachTile(const Operator& op, Visit visit) {
  const size_t steps = op.window().steps;
  const size_t rows = RowsPerTile(steps);
  if (op.context().pool() != nullptr && op.size() > rows && op.size() * steps >= kCellsWorthHelp) {
    return ForEachTileInParallel(op, visit);
  }
  Tile tile;
  MemoryHold hold = op.context().NewHold();
  hold.Grow(Tile::BytesFor(std::min(rows, op.size()), steps));
  for (size_t first = 0; first < op.size(); first += rows) {
    NX_RETURN_IF_ERROR(op.context().CheckAlive());
    tile.Reset(std::min(rows, op.size() - first), steps);
    NX_RETURN_IF_ERROR(op.Produce(first, &tile));
    if (tile.HasHistograms()) hold.AtLeast(tile.Bytes());
    NX_RETURN_IF_ERROR(visit(first, tile));
  }
  return OkStatus();
}

// The values of a scalar at every step.
StatusOr<std::vector<double>> ScalarValues(const Operator& scalar);

}  // namespace narthex::promql
