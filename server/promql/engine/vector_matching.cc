// Arithmetic and comparison between two vectors. Both sides are read in full; which series pair up
// is settled once, what pairs exist at a step is a matter of presence bits.

#include <algorithm>

#include "core/base/string_map.h"
#include "core/labels/metadata_labels.h"
#include "server/promql/engine/basic_ops.h"
#include "server/promql/engine/binary.h"
#include "server/promql/engine/label_edit.h"

namespace narthex::promql {
namespace {

using Bits = std::vector<uint64_t>;

struct Side {
  MemoryHold hold;  // of the labels
  std::vector<Labels> labels;
  RowStore rows;
  std::vector<uint32_t> groups;  // match group by series
};

StatusOr<Side> ReadSide(const Operator& op, std::vector<uint32_t> groups) {
  MemoryHold hold = op.context().NewHold();
  if (!hold.Grow(BytesOf(op.all_labels()))) return op.context().CheckMemory();
  Side side{std::move(hold), op.all_labels(), RowStore(op.context(), op.window().steps),
            std::move(groups)};
  NX_RETURN_IF_ERROR(ForEachTile(op, [&](size_t, const Tile& tile) {
    for (size_t row = 0; row < tile.rows(); ++row) {
      side.rows.Add(tile, row);
    }
    return OkStatus();
  }));
  return side;
}

class VectorMatcher {
 public:
  VectorMatcher(const BinaryExpr& e, QueryContext* context, const EvalWindow& window, Side lhs,
                Side rhs, size_t groups)
      : e_(e),
        matching_(*e.matching),
        swapped_(e.matching->card == Cardinality::kOneToMany),
        context_(context),
        window_(window),
        words_(PresenceWords(window.steps)),
        many_(std::move(swapped_ ? rhs : lhs)),
        one_(std::move(swapped_ ? lhs : rhs)),
        hold_(context->NewHold()),
        ones_of_group_(groups) {
    hold_.Grow(groups * sizeof(std::vector<uint32_t>) + one_.labels.size() * sizeof(uint64_t));
    for (size_t i = 0; i < one_.labels.size(); ++i) {
      if (!one_.rows.RowEmpty(i))
        ones_of_group_[one_.groups[i]].push_back(static_cast<uint32_t>(i));
    }
  }

  StatusOr<OperatorPtr> Run() {
    NX_RETURN_IF_ERROR(context_->CheckMemory());
    NX_RETURN_IF_ERROR(CheckOneSide());
    NX_RETURN_IF_ERROR(FindPairs());
    CountManySide();
    RowStore rows(*context_, window_.steps);
    for (const Output& output : outputs_) {
      NX_RETURN_IF_ERROR(context_->CheckAlive());
      result_.Reset(1, window_.steps);
      NX_RETURN_IF_ERROR(Fill(output));
      NX_RETURN_IF_ERROR(context_->Charge(result_.CountPoints()));
      rows.Add(result_, 0);
    }
    PickedLabels labels;
    const bool later = e_.return_bool && context_->options().delayed_name_removal;
    for (Output& output : outputs_) labels.Add(std::move(output.labels), later);
    return MakeStored(context_, window_, std::move(labels), std::move(rows), drop_name());
  }

 private:
  struct Pair {
    uint32_t many, one;
  };
  struct Output {
    Labels labels;
    std::vector<Pair> pairs;
  };

  // Whether no series of the result has a name, type or unit.
  bool drop_name() const {
    return (DropsMetricName(e_.op) || e_.return_bool) &&
           std::none_of(matching_.include.begin(), matching_.include.end(), IsMetadataLabel);
  }

  void Load(const Side& side, size_t row, Tile* out) const {
    out->Reset(1, window_.steps);
    side.rows.Load(row, out, 0);
  }

  // At no step may two series of a match group exist on the "one" side. Steps where the other side
  // is empty altogether do not count.
  Status CheckOneSide() {
    absl::flat_hash_map<uint32_t, Bits> seen;  // of groups with several series
    for (size_t g = 0; g < ones_of_group_.size(); ++g) {
      if (ones_of_group_[g].size() > 1) seen.emplace(g, Bits(words_, 0));
    }
    if (seen.empty()) return OkStatus();
    if (!hold_.Grow(seen.size() * (words_ * sizeof(uint64_t) + 64))) return context_->CheckMemory();
    const Bits any_many = AnyPresent(many_);
    // What is reported is the first clash of the first step that has one.
    size_t first_step = window_.steps;
    uint32_t culprit = 0;
    Tile tile;
    for (uint32_t one = 0; one < one_.labels.size(); ++one) {
      const auto it = seen.find(one_.groups[one]);
      if (it == seen.end()) continue;
      Load(one_, one, &tile);
      for (size_t w = 0; w < words_; ++w) {
        const uint64_t both = it->second[w] & tile.presence(0)[w] & any_many[w];
        it->second[w] |= tile.presence(0)[w];
        const size_t step = w * 64 + static_cast<size_t>(std::countr_zero(both));
        if (both == 0 || step >= first_step) continue;
        first_step = step;
        culprit = one;
      }
    }
    return first_step == window_.steps ? OkStatus() : DuplicateError(culprit, first_step);
  }

  Bits AnyPresent(const Side& side) const {
    Bits any(words_, 0);
    Tile tile;
    for (size_t i = 0; i < side.rows.size(); ++i) {
      Load(side, i, &tile);
      for (size_t w = 0; w < words_; ++w) any[w] |= tile.presence(0)[w];
    }
    return any;
  }

  Status DuplicateError(uint32_t series, size_t step) const {
    uint32_t other = series;
    Tile tile;
    for (uint32_t candidate : ones_of_group_[one_.groups[series]]) {
      if (candidate == series) break;
      Load(one_, candidate, &tile);
      if (!tile.Has(0, step)) continue;
      other = candidate;
      break;
    }
    const LabelSelection selection(matching_.labels, !matching_.on);
    return FailedPrecondition(
        "found duplicate series for the match group {} on the {} hand-side of the operation: [{}, "
        "{}];many-to-many matching not allowed: matching labels must be unique on one side",
        selection.Select(one_.labels[series]).ToString(), swapped_ ? "left" : "right",
        one_.labels[series].ToString(), one_.labels[other].ToString());
  }

  // Result series are told apart by their labels; several pairs may share one, at different steps.
  Status FindPairs() {
    StringMap<size_t> index;
    for (size_t m = 0; m < many_.labels.size(); ++m) {
      if (many_.rows.RowEmpty(m)) continue;
      if (m % 256 == 0) NX_RETURN_IF_ERROR(context_->CheckAlive());
      for (uint32_t one : ones_of_group_[many_.groups[m]]) {
        if (!many_.rows.MayOverlap(m, one_.rows, one)) continue;
        Labels labels = ResultLabels(many_.labels[m], one_.labels[one]);
        // Key, labels and the pair.
        if (!hold_.Grow(2 * (labels.flat().size() + sizeof labels) + 64)) {
          return context_->CheckMemory();
        }
        const auto [it, added] = index.try_emplace(std::string(labels.flat()), outputs_.size());
        if (added) outputs_.push_back({std::move(labels), {}});
        outputs_[it->second].pairs.push_back({static_cast<uint32_t>(m), one});
      }
    }
    return OkStatus();
  }

  Labels ResultLabels(const Labels& many, const Labels& one) {
    const bool one_to_one = matching_.card == Cardinality::kOneToOne;
    edit_.Reset(many);
    const bool delayed = context_->options().delayed_name_removal;
    if (DropsMetricName(e_.op) || (e_.return_bool && !delayed)) DropMetricName(&edit_);
    if (one_to_one) {
      if (matching_.on) {
        edit_.Keep(matching_.labels);
      } else {
        edit_.Del(matching_.labels);
      }
    }
    for (const std::string& name : matching_.include) edit_.Set(name, one.Get(name));
    if (e_.return_bool && !delayed) DropMetricName(&edit_);
    return edit_.Build();
  }

  // One-to-one: groups with several series on the left need watching for steps they share.
  void CountManySide() {
    if (matching_.card != Cardinality::kOneToOne) return;
    std::vector<uint32_t> count(ones_of_group_.size(), 0);
    for (size_t m = 0; m < many_.labels.size(); ++m) {
      if (!many_.rows.RowEmpty(m) && ++count[many_.groups[m]] == 2) {
        hold_.Grow(words_ * sizeof(uint64_t) + 64);
        matched_.emplace(many_.groups[m], Bits(words_, 0));
      }
    }
  }

  Status Fill(const Output& output) {
    Bits keep(words_);
    std::vector<double> values(window_.steps);
    std::vector<std::pair<uint32_t, Bits>> kept_by_group;
    for (const Pair& pair : output.pairs) {
      Load(many_, pair.many, &many_row_);
      Load(one_, pair.one, &one_row_);
      const Tile& l = swapped_ ? one_row_ : many_row_;
      const Tile& r = swapped_ ? many_row_ : one_row_;
      HistogramRow histograms;
      if (!IsTrim(e_.op)) {
        ApplyBinary(e_.op, l.values(0), r.values(0), window_.steps, values.data(), keep.data());
      }
      if (e_.return_bool) {
        for (size_t i = 0; i < window_.steps; ++i) values[i] = TestBit(keep.data(), i) ? 1.0 : 0.0;
      }
      for (size_t w = 0; w < words_; ++w) {
        const uint64_t both = l.presence(0)[w] & r.presence(0)[w];
        const uint64_t special =
            both & (IsTrim(e_.op) ? both : l.histograms(0).word(w) | r.histograms(0).word(w));
        keep[w] = (e_.return_bool ? both : both & keep[w]) & ~special;
        keep[w] |= CombineSpecial(l, r, special, w, &values, &histograms);
      }
      NX_RETURN_IF_ERROR(Claim(many_.groups[pair.many], keep, &kept_by_group));
      ForEachBit(keep.data(), words_, [&](size_t i) {
        if (histograms.Has(i)) {
          result_.SetHistogram(0, i, histograms.cells[i]);
        } else {
          result_.Set(0, i, values[i]);
        }
      });
    }
    return OkStatus();
  }

  // The cells `mask` of word `w`, which need more than ApplyBinary. Returns those that stay.
  uint64_t CombineSpecial(const Tile& l, const Tile& r, uint64_t mask, size_t w,
                          std::vector<double>* values, HistogramRow* histograms) const {
    uint64_t kept = 0;
    ForEachBit(&mask, 1, [&](size_t bit) {
      const size_t i = w * 64 + bit;
      CellResult result = CombineCells(*context_, e_.op, {l.values(0)[i], l.Histogram(0, i)},
                                       {r.values(0)[i], r.Histogram(0, i)}, e_.pos);
      const bool yes = result.outcome == CellResult::kTrue;
      if (result.outcome == CellResult::kNothing || (!yes && !e_.return_bool)) return;
      kept |= uint64_t{1} << bit;
      (*values)[i] = e_.return_bool ? (yes ? 1 : 0) : result.v;
      if (result.h && !e_.return_bool) histograms->Set(i, std::move(result.h), window_.steps);
    });
    return kept;
  }

  // Marks the steps a pair yields a sample at; fails when they are taken already.
  Status Claim(uint32_t group, const Bits& keep,
               std::vector<std::pair<uint32_t, Bits>>* kept_by_group) {
    if (auto it = matched_.find(group); it != matched_.end()) {
      for (size_t w = 0; w < words_; ++w) {
        if ((it->second[w] & keep[w]) != 0) {
          return FailedPrecondition(
              "multiple matches for labels: many-to-one matching must be explicit "
              "(group_left/group_right)");
        }
        it->second[w] |= keep[w];
      }
    }
    for (const auto& [other, bits] : *kept_by_group) {
      for (size_t w = 0; w < words_; ++w) {
        if ((bits[w] & keep[w]) == 0) continue;
        if (other != group) return SameLabelsetError();
        return FailedPrecondition(
            "multiple matches for labels: grouping labels must ensure unique matches");
      }
    }
    for (auto& [other, bits] : *kept_by_group) {
      if (other != group) continue;
      for (size_t w = 0; w < words_; ++w) bits[w] |= keep[w];
      return OkStatus();
    }
    kept_by_group->emplace_back(group, keep);
    return OkStatus();
  }

  const BinaryExpr& e_;
  const VectorMatching& matching_;
  const bool swapped_;
  QueryContext* const context_;
  const EvalWindow window_;
  const size_t words_;
  const Side many_;
  const Side one_;
  MemoryHold hold_;
  std::vector<std::vector<uint32_t>> ones_of_group_;
  absl::flat_hash_map<uint32_t, Bits> matched_;
  std::vector<Output> outputs_;
  LabelsBuilder edit_;
  Tile many_row_, one_row_, result_;
};

// fill: a value for the steps at which a match group has samples on the other side alone. Groups
// are given further series, present only there.
class Filler {
 public:
  Filler(const VectorMatching& matching, const EvalWindow& window, size_t groups)
      : selection_(matching.labels, !matching.on),
        steps_(window.steps),
        words_(PresenceWords(window.steps)),
        groups_(groups) {}

  void Run(const std::optional<double>& left, const std::optional<double>& right, Side* lhs,
           Side* rhs) {
    const Bits in_left = Present(*lhs);
    const Bits in_right = Present(*rhs);
    const std::vector<Labels> labels = GroupLabels(*lhs, *rhs);
    if (left) Add(*left, in_left, in_right, labels, lhs);
    if (right) Add(*right, in_right, in_left, labels, rhs);
  }

 private:
  Bits Present(const Side& side) const {
    Bits bits(groups_ * words_, 0);
    Tile tile;
    for (size_t i = 0; i < side.rows.size(); ++i) {
      tile.Reset(1, steps_);
      side.rows.Load(i, &tile, 0);
      for (size_t w = 0; w < words_; ++w) {
        bits[side.groups[i] * words_ + w] |= tile.presence(0)[w];
      }
    }
    return bits;
  }

  std::vector<Labels> GroupLabels(const Side& lhs, const Side& rhs) const {
    std::vector<Labels> labels(groups_);
    for (const Side* side : {&lhs, &rhs}) {
      for (size_t i = 0; i < side->labels.size(); ++i) {
        labels[side->groups[i]] = selection_.Select(side->labels[i]);
      }
    }
    return labels;
  }

  void Add(double value, const Bits& own, const Bits& other, const std::vector<Labels>& labels,
           Side* side) const {
    const std::vector<double> values(steps_, value);
    Bits bits(words_);
    for (size_t g = 0; g < groups_; ++g) {
      uint64_t any = 0;
      for (size_t w = 0; w < words_; ++w) {
        any |= bits[w] = other[g * words_ + w] & ~own[g * words_ + w];
      }
      if (any == 0) continue;
      side->rows.Add(values.data(), bits.data());
      side->labels.push_back(labels[g]);
      side->groups.push_back(static_cast<uint32_t>(g));
    }
  }

  const LabelSelection selection_;
  const size_t steps_, words_, groups_;
};

}  // namespace

StatusOr<OperatorPtr> MatchVectors(const BinaryExpr& e, OperatorPtr lhs, OperatorPtr rhs) {
  Signatures sigs = Signatures::Make(*lhs, *rhs, *e.matching);
  NX_RETURN_IF_ERROR(lhs->context().CheckMemory());
  NX_ASSIGN_OR_RETURN(Side left, ReadSide(*lhs, std::move(sigs.lhs)));
  NX_ASSIGN_OR_RETURN(Side right, ReadSide(*rhs, std::move(sigs.rhs)));
  QueryContext* context = &lhs->context();
  const EvalWindow window = lhs->window();
  lhs.reset();
  rhs.reset();
  if (e.matching->fill_left || e.matching->fill_right) {
    MemoryHold hold = context->NewHold();
    if (!hold.Grow(sigs.count * (2 * PresenceWords(window.steps) * 8 + 2 * sizeof(Labels)))) {
      return context->CheckMemory();
    }
    Filler(*e.matching, window, sigs.count)
        .Run(e.matching->fill_left, e.matching->fill_right, &left, &right);
  }
  return VectorMatcher(e, context, window, std::move(left), std::move(right), sigs.count).Run();
}

}  // namespace narthex::promql
