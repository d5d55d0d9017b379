// info(): adds the labels of info metrics (target_info) to the series that share their "instance"
// and "job".

#include <map>

#include "core/base/string_map.h"
#include "server/promql/engine/basic_ops.h"
#include "server/promql/engine/label_edit.h"
#include "server/promql/functions/registry.h"

namespace narthex::promql {
namespace {

constexpr std::string_view kTargetInfo = "target_info";

const TimeModifiers* FindTime(const Expr& arg) {
  const Expr& expr = Unwrap(arg);
  if (expr.kind == ExprKind::kVectorSelector) return &expr.As<VectorSelector>().time;
  if (expr.kind == ExprKind::kMatrixSelector) return &expr.As<MatrixSelector>().selector->time;
  const TimeModifiers* found = nullptr;
  // Nothing is changed here.
  ForEachChild(const_cast<Expr&>(expr), [&](ExprPtr& child) {
    if (found == nullptr) found = FindTime(*child);
  });
  return found;
}

// What the second argument asks for.
struct Wanted {
  std::vector<Matcher> names;  // of the info metric
  std::map<std::string, std::vector<Matcher>, std::less<>> data;

  explicit Wanted(const Call& call) {
    if (call.args.size() > 1) {
      for (const Matcher& m : Unwrap(*call.args[1]).As<VectorSelector>().matchers) {
        if (m.name() == kMetricNameLabel) {
          names.push_back(m);
        } else {
          data[std::string(m.name())].push_back(m);
        }
      }
    }
    if (names.empty()) {
      names.push_back(Matcher::Equal(std::string(kMetricNameLabel), std::string(kTargetInfo)));
    }
  }

  // Info series themselves are left as they are.
  bool IsInfo(std::string_view name) const {
    for (const Matcher& m : names) {
      if (m.Matches(name)) return true;
    }
    return false;
  }
  bool Takes(std::string_view label) const { return data.empty() || data.contains(label); }
  // Whether series without any info labels fulfil the matchers.
  bool AllowsNone() const {
    for (const auto& [name, matchers] : data) {
      for (const Matcher& m : matchers) {
        if (!m.Matches("")) return false;
      }
    }
    return true;
  }
  std::vector<Matcher> All() const {
    std::vector<Matcher> out = names;
    for (const auto& [name, matchers] : data)
      out.insert(out.end(), matchers.begin(), matchers.end());
    return out;
  }
};

// The info series, with the times of their samples.
struct InfoSeries {
  std::vector<Labels> labels;
  RowStore times;
  // "instance" and "job" → metric name → rows.
  StringMap<std::map<std::string, std::vector<size_t>, std::less<>>> index;
};

std::string KeyOf(const Labels& labels) {
  std::string key(labels.Get(kInstanceLabel));
  key.push_back('\xff');
  return key.append(labels.Get(kJobLabel));
}

StatusOr<InfoSeries> ReadInfo(Builder& builder, const Call& call, const EvalWindow& window,
                              const Wanted& wanted) {
  VectorSelector selector(call.pos);
  selector.matchers = wanted.All();
  if (const TimeModifiers* time = FindTime(*call.args[0])) {
    selector.time.offset.ms = time->offset.ms;
    selector.time.at = time->at;
    selector.time.at_ms = time->at_ms;
  }
  NX_ASSIGN_OR_RETURN(OperatorPtr op, MakeVectorSelector(&builder.context(), window, selector,
                                                         {.function = "info"}, true));
  InfoSeries out{op->all_labels(), RowStore(builder.context(), window.steps), {}};
  NX_RETURN_IF_ERROR(ForEachTile(*op, [&](size_t first, const Tile& tile) {
    for (size_t row = 0; row < tile.rows(); ++row) {
      out.times.Add(tile, row);
      const Labels& labels = op->labels(first + row);
      out.index[KeyOf(labels)][std::string(labels.metric_name())].push_back(first + row);
    }
    return OkStatus();
  }));
  return out;
}

class Joiner {
 public:
  Joiner(QueryContext* context, const EvalWindow& window, const Wanted& wanted,
         const InfoSeries& info)
      : context_(context),
        window_(window),
        wanted_(wanted),
        info_(info),
        rows_(*context, window.steps),
        hold_(context->NewHold()) {}

  Status Add(const Labels& labels, bool drops_name, const Tile& tile, size_t row) {
    drops_name_ = drops_name;
    if (tile.RowEmpty(row)) return OkStatus();
    const auto it = info_.index.find(KeyOf(labels));
    if (wanted_.IsInfo(labels.metric_name())) {
      Keep(labels, tile, row);
      return OkStatus();
    }
    if (it == info_.index.end()) {
      if (wanted_.AllowsNone()) Keep(labels, tile, row);
      return OkStatus();
    }
    // Which series speak for their metric may change from step to step.
    std::map<std::vector<size_t>, std::vector<size_t>> steps_by_choice;
    std::vector<size_t> choice;
    Status status;
    ForEachBit(tile.presence(row), tile.words(), [&](size_t step) {
      if (!status.ok()) return;
      choice.clear();
      for (const auto& [name, rows] : it->second) {
        status = Newest(rows, step, &choice);
        if (!status.ok()) return;
      }
      steps_by_choice[choice].push_back(step);
    });
    NX_RETURN_IF_ERROR(status);
    Tile out;
    for (const auto& [chosen, steps] : steps_by_choice) {
      NX_ASSIGN_OR_RETURN(std::optional<Labels> joined, Join(labels, chosen));
      if (!joined) continue;
      out.Reset(1, window_.steps);
      out.Overlay(tile, row, 0);
      size_t next = 0;
      ForEachBit(tile.presence(row), tile.words(), [&](size_t step) {
        if (next < steps.size() && steps[next] == step) {
          ++next;
        } else {
          out.Remove(0, step);
        }
      });
      Keep(*joined, out, 0);
    }
    return OkStatus();
  }

  OperatorPtr Finish() {
    return MakeUnited(MakeStored(context_, window_, std::move(labels_), std::move(rows_), false),
                      Clash::kSameStep);
  }

 private:
  void Keep(const Labels& labels, const Tile& tile, size_t row) {
    rows_.Add(tile, row);
    labels_.Add(labels, drops_name_);
    hold_.Grow(2 * sizeof labels + labels.flat().size());
  }

  // Of several series of one info metric the one with the newest sample counts.
  Status Newest(const std::vector<size_t>& rows, size_t step, std::vector<size_t>* choice) {
    std::optional<size_t> best;
    double best_time = 0;
    for (size_t r : rows) {
      tile_.Reset(1, window_.steps);
      info_.times.Load(r, &tile_, 0);
      if (!tile_.Has(0, step)) continue;
      const double time = tile_.values(0)[step];
      if (best && time == best_time) {
        return FailedPrecondition(
            "found duplicate series for info metric: existing {} @ {:.0f}, new {} @ {:.0f}",
            info_.labels[*best].ToMetricString(), best_time * 1000,
            info_.labels[r].ToMetricString(), time * 1000);
      }
      if (best && time < best_time) continue;
      best = r;
      best_time = time;
    }
    if (best) choice->push_back(*best);
    return OkStatus();
  }

  // None when the matchers ask for labels there are none of.
  StatusOr<std::optional<Labels>> Join(const Labels& labels, const std::vector<size_t>& chosen) {
    std::map<std::string, std::string, std::less<>> added;
    for (size_t r : chosen) {
      for (const Label& label : info_.labels[r]) {
        if (label.name == kMetricNameLabel || !wanted_.Takes(label.name)) continue;
        const auto it = added.find(label.name);
        if (it != added.end() && it->second != label.value) {
          return FailedPrecondition("conflicting label: {}", label.name);
        }
        if (!labels.Has(label.name)) added.emplace(label.name, label.value);
      }
    }
    if (added.empty() && !wanted_.AllowsNone()) return std::optional<Labels>();
    LabelsBuilder edit;
    edit.Reset(labels);
    for (const auto& [name, value] : added) edit.Set(name, value);
    return std::optional<Labels>(edit.Build());
  }

  QueryContext* const context_;
  const EvalWindow window_;
  const Wanted& wanted_;
  const InfoSeries& info_;
  RowStore rows_;
  MemoryHold hold_;
  PickedLabels labels_;
  bool drops_name_ = false;  // of the series at hand
  Tile tile_;
};

StatusOr<OperatorPtr> Info(Builder& builder, const Call& call, const EvalWindow& window) {
  const Wanted wanted(call);
  NX_ASSIGN_OR_RETURN(OperatorPtr base, builder.Build(*call.args[0], window));
  if (base->size() == 0) return base;
  NX_ASSIGN_OR_RETURN(const InfoSeries info, ReadInfo(builder, call, window, wanted));
  Joiner joiner(&builder.context(), window, wanted, info);
  NX_RETURN_IF_ERROR(ForEachTile(*base, [&](size_t first, const Tile& tile) {
    for (size_t row = 0; row < tile.rows(); ++row) {
      NX_RETURN_IF_ERROR(
          joiner.Add(base->labels(first + row), base->drops_name(first + row), tile, row));
    }
    return OkStatus();
  }));
  return joiner.Finish();
}

constexpr FunctionEntry kFunctions[] = {{"info", Info}};

}  // namespace

std::span<const FunctionEntry> InfoFunctions() { return kFunctions; }

}  // namespace narthex::promql
