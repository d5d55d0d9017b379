// and, or, unless: which samples survive is a matter of presence bits alone.

#include "server/promql/engine/basic_ops.h"
#include "server/promql/engine/binary.h"

namespace narthex::promql {
namespace {

// One presence bitmap a match group.
class GroupPresence {
 public:
  GroupPresence(QueryContext& context, size_t groups, size_t steps)
      : words_(PresenceWords(steps)), hold_(context.NewHold()) {
    if (hold_.Grow(groups * words_ * sizeof(uint64_t))) bits_.resize(groups * words_, 0);
  }
  void Add(size_t group, const uint64_t* presence) {
    for (size_t w = 0; w < words_; ++w) bits_[group * words_ + w] |= presence[w];
  }
  const uint64_t* of(size_t group) const { return bits_.data() + group * words_; }

 private:
  size_t words_;
  MemoryHold hold_;
  std::vector<uint64_t> bits_;
};

Status Collect(const Operator& op, const std::vector<uint32_t>& groups, GroupPresence* out) {
  return ForEachTile(op, [&](size_t first, const Tile& tile) {
    for (size_t row = 0; row < tile.rows(); ++row) {
      out->Add(groups[first + row], tile.presence(row));
    }
    return OkStatus();
  });
}

// The left side where the right side's group is present, or where it is not.
class FilterOp final : public Operator {
 public:
  FilterOp(OperatorPtr child, std::vector<uint32_t> groups, GroupPresence presence, bool keep)
      : Operator(&child->context(), child->window()),
        child_(std::move(child)),
        groups_(std::move(groups)),
        presence_(std::move(presence)),
        keep_(keep) {
    CopyLabels(child_->all_labels());
    drop_name_ = child_->drop_name();
    one_name_ = child_->one_name();
  }

  Status Produce(size_t first, Tile* out) const override {
    NX_RETURN_IF_ERROR(child_->Produce(first, out));
    for (size_t row = 0; row < out->rows(); ++row) {
      const uint64_t* other = presence_.of(groups_[first + row]);
      for (size_t w = 0; w < out->words(); ++w) {
        out->presence(row)[w] &= keep_ ? other[w] : ~other[w];
      }
      out->DropAbsentHistograms(row);
    }
    return OkStatus();
  }

 private:
  OperatorPtr child_;
  std::vector<uint32_t> groups_;
  GroupPresence presence_;
  const bool keep_;
};

class ConcatOp final : public Operator {
 public:
  ConcatOp(OperatorPtr lhs, OperatorPtr rhs)
      : Operator(&lhs->context(), lhs->window()), lhs_(std::move(lhs)), rhs_(std::move(rhs)) {
    CopyLabels(lhs_->all_labels());
    if (hold_.Grow(BytesOf(rhs_->all_labels()))) {
      labels_.insert(labels_.end(), rhs_->all_labels().begin(), rhs_->all_labels().end());
    }
    drop_name_ = lhs_->drop_name();
    if (!rhs_->drop_name().empty()) {
      drop_name_.resize(lhs_->size(), 0);
      drop_name_.insert(drop_name_.end(), rhs_->drop_name().begin(), rhs_->drop_name().end());
    }
  }

  Status Produce(size_t first, Tile* out) const override {
    const size_t split = lhs_->size();
    if (first + out->rows() <= split) return lhs_->Produce(first, out);
    if (first >= split) return rhs_->Produce(first - split, out);
    Tile one;
    for (size_t row = 0; row < out->rows(); ++row) {
      one.Reset(1, out->steps());
      const size_t i = first + row;
      NX_RETURN_IF_ERROR(i < split ? lhs_->Produce(i, &one) : rhs_->Produce(i - split, &one));
      out->Overlay(one, 0, row);
    }
    return OkStatus();
  }

 private:
  OperatorPtr lhs_, rhs_;
};

// Keeps what `op` yields, to be read again; `groups` are those of its rows. At one step the rows
// without a value go: a row of the other side with the same labels then keeps its place behind this
// side, which is upstream's order.
StatusOr<OperatorPtr> Store(const Operator& op, std::vector<uint32_t>* groups) {
  const bool instant = op.window().steps == 1;
  RowStore rows(op.context(), op.window().steps);
  PickedLabels labels;
  MemoryHold hold = op.context().NewHold();
  std::vector<uint32_t> kept;
  NX_RETURN_IF_ERROR(ForEachTile(op, [&](size_t first, const Tile& tile) {
    for (size_t row = 0; row < tile.rows(); ++row) {
      if (instant && !tile.Has(row, 0)) continue;
      rows.Add(tile, row);
      labels.Add(op, first + row);
      hold.Grow(2 * sizeof(Labels) + labels.labels.back().flat().size());
      kept.push_back((*groups)[first + row]);
    }
    return OkStatus();
  }));
  *groups = std::move(kept);
  return MakeStored(&op.context(), op.window(), std::move(labels), std::move(rows), op.one_name());
}

}  // namespace

StatusOr<OperatorPtr> CombineSets(const BinaryExpr& e, OperatorPtr lhs, OperatorPtr rhs) {
  Signatures sigs = Signatures::Make(*lhs, *rhs, *e.matching);
  NX_RETURN_IF_ERROR(lhs->context().CheckMemory());
  GroupPresence presence(lhs->context(), sigs.count, lhs->window().steps);
  NX_RETURN_IF_ERROR(lhs->context().CheckMemory());
  if (e.op == BinaryOp::kOr) {
    NX_ASSIGN_OR_RETURN(OperatorPtr left, Store(*lhs, &sigs.lhs));
    NX_RETURN_IF_ERROR(Collect(*left, sigs.lhs, &presence));
    auto right =
        std::make_unique<FilterOp>(std::move(rhs), std::move(sigs.rhs), std::move(presence), false);
    return MakeUnited(std::make_unique<ConcatOp>(std::move(left), std::move(right)),
                      Clash::kSameStep);
  }
  NX_RETURN_IF_ERROR(Collect(*rhs, sigs.rhs, &presence));
  return std::make_unique<FilterOp>(std::move(lhs), std::move(sigs.lhs), std::move(presence),
                                    e.op == BinaryOp::kAnd);
}

}  // namespace narthex::promql
