#include "server/promql/engine/basic_ops.h"

#include <algorithm>

#include "core/base/string_map.h"
#include "server/promql/engine/label_edit.h"

namespace narthex::promql {
namespace {

class ScalarOp final : public Operator {
 public:
  ScalarOp(QueryContext* context, const EvalWindow& window,
           const std::function<double(size_t)>& value)
      : Operator(context, window), values_(window.steps) {
    hold_.Grow(window.steps * sizeof(double));
    for (size_t i = 0; i < values_.size(); ++i) values_[i] = value(i);
    labels_.resize(1);
    one_name_ = true;
  }

  Status Produce(size_t, Tile* out) const override {
    std::copy(values_.begin(), values_.end(), out->values(0));
    out->SetAllPresent(0);
    return OkStatus();
  }

 private:
  std::vector<double> values_;
};

class StoredOp final : public Operator {
 public:
  StoredOp(QueryContext* context, const EvalWindow& window, PickedLabels picked, RowStore rows,
           bool one_name)
      : Operator(context, window), rows_(std::move(rows)) {
    AdoptLabels(std::move(picked.labels));
    drop_name_ = std::move(picked.drop_name);
    one_name_ = one_name;
  }

  Status Produce(size_t first, Tile* out) const override {
    for (size_t row = 0; row < out->rows(); ++row) {
      rows_.Load(first + row, out, row);
    }
    return OkStatus();
  }

 private:
  RowStore rows_;
};

class SpreadOp final : public Operator {
 public:
  SpreadOp(const EvalWindow& window, OperatorPtr child)
      : Operator(&child->context(), window), child_(std::move(child)) {
    CopyLabels(child_->all_labels());
    drop_name_ = child_->drop_name();
    one_name_ = child_->one_name();
    metric_ = child_->metric();
  }

  Status Produce(size_t first, Tile* out) const override {
    Tile one;
    one.Reset(out->rows(), 1);
    NX_RETURN_IF_ERROR(child_->Produce(first, &one));
    for (size_t row = 0; row < out->rows(); ++row) {
      if (!one.Has(row, 0)) continue;
      if (const HistogramPtr& h = one.Histogram(row, 0)) {
        for (size_t i = 0; i < out->steps(); ++i) out->SetHistogram(row, i, h);
        continue;
      }
      std::fill_n(out->values(row), out->steps(), one.values(row)[0]);
      out->SetAllPresent(row);
    }
    return OkStatus();
  }

 private:
  OperatorPtr child_;
};

class MapOp final : public Operator {
 public:
  MapOp(OperatorPtr child, NameRule rule, CellFunction function)
      : Operator(&child->context(), child->window()),
        child_(std::move(child)),
        function_(std::move(function)) {
    one_name_ = child_->one_name();
    CopyLabels(child_->all_labels());
    drop_name_ = child_->drop_name();
    if (rule == NameRule::kDrop) {
      DropNames();
    } else {
      metric_ = child_->metric();
    }
  }

  Status Produce(size_t first, Tile* out) const override {
    NX_RETURN_IF_ERROR(child_->Produce(first, out));
    for (size_t row = 0; row < out->rows(); ++row) {
      function_(out, row);
    }
    return OkStatus();
  }

 private:
  OperatorPtr child_;
  CellFunction function_;
};

class RelabelledOp final : public Operator {
 public:
  RelabelledOp(OperatorPtr child, PickedLabels labels)
      : Operator(&child->context(), child->window()), child_(std::move(child)) {
    AdoptLabels(std::move(labels.labels));
    drop_name_ = std::move(labels.drop_name);
  }
  Status Produce(size_t first, Tile* out) const override { return child_->Produce(first, out); }

 private:
  OperatorPtr child_;
};

class UnitedOp final : public Operator {
 public:
  UnitedOp(OperatorPtr child, Clash clash, std::vector<std::vector<size_t>> members)
      : Operator(&child->context(), child->window()),
        child_(std::move(child)),
        clash_(clash),
        members_(std::move(members)) {
    if (hold_.Grow(members_.size() * (sizeof(std::vector<size_t>) + 16) +
                   BytesOf(child_->all_labels()))) {
      for (const auto& m : members_) {
        if (child_->drops_name(m.front())) {
          drop_name_.resize(labels_.size() + 1, 0);
          drop_name_.back() = 1;
        }
        labels_.push_back(child_->labels(m.front()));
      }
    }
    one_name_ = child_->one_name();
  }

  Status Produce(size_t first, Tile* out) const override {
    Tile one;
    for (size_t row = 0; row < out->rows(); ++row) {
      for (size_t member : members_[first + row]) {
        one.Reset(1, out->steps());
        NX_RETURN_IF_ERROR(child_->Produce(member, &one));
        NX_RETURN_IF_ERROR(Unite(one, out, row));
      }
    }
    return OkStatus();
  }

 private:
  Status Unite(const Tile& from, Tile* out, size_t row) const {
    if (clash_ == Clash::kSameWindow && !from.RowEmpty(0) && !out->RowEmpty(row)) {
      return SameLabelsetError();
    }
    return out->Overlay(from, 0, row) ? OkStatus() : SameLabelsetError();
  }

  OperatorPtr child_;
  const Clash clash_;
  std::vector<std::vector<size_t>> members_;
};

// As UnitedOp at a single step, where all but one of each lot of equal series are absent: so they
// need not be moved, and keep the order of an instant vector. Reads its child when it is made.
class DistinctOp final : public Operator {
 public:
  DistinctOp(const Operator& child, const std::vector<std::vector<size_t>>& members)
      : Operator(&child.context(), child.window()), rows_(child.context(), 1) {
    CopyLabels(child.all_labels());
    drop_name_ = child.drop_name();
    one_name_ = child.one_name();
    status_ = Read(child, members);
  }

  Status Produce(size_t first, Tile* out) const override {
    NX_RETURN_IF_ERROR(status_);
    for (size_t row = 0; row < out->rows(); ++row) rows_.Load(first + row, out, row);
    return OkStatus();
  }

 private:
  Status Read(const Operator& child, const std::vector<std::vector<size_t>>& members) {
    NX_RETURN_IF_ERROR(context_->CheckMemory());
    NX_RETURN_IF_ERROR(ForEachTile(child, [&](size_t, const Tile& tile) {
      for (size_t row = 0; row < tile.rows(); ++row) rows_.Add(tile, row);
      return OkStatus();
    }));
    for (const auto& lot : members) {
      const auto present = [&](size_t member) { return !rows_.RowEmpty(member); };
      if (std::count_if(lot.begin(), lot.end(), present) > 1) return SameLabelsetError();
    }
    return OkStatus();
  }

  RowStore rows_;
  Status status_;
};

}  // namespace

Status SameLabelsetError() {
  return FailedPrecondition("vector cannot contain metrics with the same labelset");
}

OperatorPtr MakeScalar(QueryContext* context, const EvalWindow& window,
                       const std::function<double(size_t step)>& value) {
  return std::make_unique<ScalarOp>(context, window, value);
}

OperatorPtr MakeStored(QueryContext* context, const EvalWindow& window, std::vector<Labels> labels,
                       RowStore rows, bool one_name) {
  return MakeStored(context, window, PickedLabels{std::move(labels), {}}, std::move(rows),
                    one_name);
}

OperatorPtr MakeStored(QueryContext* context, const EvalWindow& window, PickedLabels picked,
                       RowStore rows, bool one_name) {
  return std::make_unique<StoredOp>(context, window, std::move(picked), std::move(rows), one_name);
}

OperatorPtr MakeSpread(const EvalWindow& window, OperatorPtr child) {
  return std::make_unique<SpreadOp>(window, std::move(child));
}

OperatorPtr MakeMap(OperatorPtr child, NameRule rule, RowFunction function) {
  return MakeCellMap(std::move(child), rule,
                     [function = std::move(function)](Tile* tile, size_t row) {
                       tile->DropHistograms(row);
                       function(tile->values(row), tile->presence(row), tile->steps());
                     });
}

OperatorPtr MakeCellMap(OperatorPtr child, NameRule rule, CellFunction function, Clash clash) {
  const bool unique = rule == NameRule::kKeep || child->one_name() ||
                      child->context().options().delayed_name_removal;
  auto op = std::make_unique<MapOp>(std::move(child), rule, std::move(function));
  if (unique) return op;
  return MakeUnited(std::move(op), clash);
}

OperatorPtr MakeNamesFinal(OperatorPtr child) {
  if (child->drop_name().empty()) return child;
  PickedLabels labels;
  for (size_t i = 0; i < child->size(); ++i) {
    labels.Add(child->drops_name(i) ? DropMetricName(child->labels(i)) : child->labels(i), false);
  }
  return MakeRelabelled(std::move(child), std::move(labels));
}

OperatorPtr MakeRelabelled(OperatorPtr child, PickedLabels labels) {
  return MakeUnited(std::make_unique<RelabelledOp>(std::move(child), std::move(labels)),
                    Clash::kSameStep);
}

OperatorPtr MakeUnited(OperatorPtr child, Clash clash) {
  absl::flat_hash_map<std::string_view, size_t> index;
  std::vector<std::vector<size_t>> members;
  index.reserve(child->size());
  for (size_t i = 0; i < child->size(); ++i) {
    const auto [it, added] = index.try_emplace(child->labels(i).flat(), members.size());
    if (added) members.emplace_back();
    members[it->second].push_back(i);
  }
  if (members.size() == child->size()) return child;
  if (child->window().steps == 1) return std::make_unique<DistinctOp>(*child, members);
  return std::make_unique<UnitedOp>(std::move(child), clash, std::move(members));
}

StatusOr<std::vector<double>> ScalarValues(const Operator& scalar) {
  Tile tile;
  tile.Reset(1, scalar.window().steps);
  NX_RETURN_IF_ERROR(scalar.Produce(0, &tile));
  return std::vector<double>(tile.values(0), tile.values(0) + tile.steps());
}

}  // namespace narthex::promql
