#pragma once
// The plain operators the others are put together from.

#include <functional>
#include <string>
#include <vector>

#include "server/promql/engine/operator.h"
#include "server/promql/engine/row_store.h"

namespace narthex::promql {

// A scalar given by its value at every step.
OperatorPtr MakeScalar(QueryContext* context, const EvalWindow& window,
                       const std::function<double(size_t step)>& value);

// Series held in memory. `one_name` as in Operator.
OperatorPtr MakeStored(QueryContext* context, const EvalWindow& window, std::vector<Labels> labels,
                       RowStore rows, bool one_name);

// Labels of series picked from an operator, with what is known of their names.
struct PickedLabels {
  std::vector<Labels> labels;
  std::vector<uint8_t> drop_name;

  void Add(Labels l, bool drops_name) {
    labels.push_back(std::move(l));
    if (!drops_name) return;
    drop_name.resize(labels.size(), 0);
    drop_name.back() = 1;
  }
  void Add(const Operator& op, size_t row) { Add(op.labels(row), op.drops_name(row)); }
};
OperatorPtr MakeStored(QueryContext* context, const EvalWindow& window, PickedLabels picked,
                       RowStore rows, bool one_name);

// The single step of `child` repeated over `window`.
OperatorPtr MakeSpread(const EvalWindow& window, OperatorPtr child);

// Rewrites a row in place: values, presence bits, number of steps.
using RowFunction = std::function<void(double* values, uint64_t* presence, size_t steps)>;
enum class NameRule : uint8_t { kKeep, kDrop };
// Applies `function` to every row of floats; histograms are left out of the result. Series that
// become the same by losing their name are united.
OperatorPtr MakeMap(OperatorPtr child, NameRule rule, RowFunction function);
// What counts as a clash of two series with the same labels: a common step, or existing at all.
enum class Clash : uint8_t { kSameStep, kSameWindow };
// As MakeMap, for functions that know of histograms.
using CellFunction = std::function<void(Tile* tile, size_t row)>;
OperatorPtr MakeCellMap(OperatorPtr child, NameRule rule, CellFunction function,
                        Clash clash = Clash::kSameStep);

// The same values under other labels, one per row of the child; equal ones are united.
OperatorPtr MakeRelabelled(OperatorPtr child, PickedLabels labels);

// The end of the evaluation: series lose the names that they were to lose.
OperatorPtr MakeNamesFinal(OperatorPtr child);

// Unites rows with equal labels; a clash fails the query.
OperatorPtr MakeUnited(OperatorPtr child, Clash clash);

Status SameLabelsetError();

}  // namespace narthex::promql
