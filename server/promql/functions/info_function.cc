// info(): adds the labels of info metrics (target_info) to the series that share their "instance"
// and "job".

#include <algorithm>
#include <map>
#include <set>

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
  bool names_given = true;     // or there is but one argument
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
      names_given = call.args.size() == 1;
    }
  }

  // Info series themselves are left as they are, where it is said which those are.
  bool IsInfo(std::string_view name) const {
    return names_given && std::all_of(names.begin(), names.end(),
                                      [&](const Matcher& m) { return m.Matches(name); });
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

// The series of one info metric of one target.
struct InfoGroup {
  std::vector<size_t> rows;
  // Where there are several, which is the newest at each step; made when it is asked for.
  std::vector<int32_t> newest;
};
constexpr int32_t kNone = -1;
constexpr int32_t kSeveral = -2;  // equally new

// The info series, with the times of their samples.
struct InfoSeries {
  std::vector<Labels> labels;
  RowStore times;
  // "instance" and "job" → metric name → series.
  StringMap<std::map<std::string, InfoGroup, std::less<>>> index;
};

std::string KeyOf(const Labels& labels) {
  std::string key(labels.Get(kInstanceLabel));
  key.push_back('\xff');
  return key.append(labels.Get(kJobLabel));
}

// The values that series which are to get labels have of "instance" or "job".
std::set<std::string, std::less<>> ValuesOf(std::string_view label, const Operator& base,
                                            const Wanted& wanted) {
  std::set<std::string, std::less<>> out;
  for (size_t i = 0; i < base.size(); ++i) {
    const std::string_view value = base.labels(i).Get(label);
    if (!value.empty() && !wanted.IsInfo(base.labels(i).metric_name())) out.emplace(value);
  }
  return out;
}

constexpr size_t kMostAlternatives = 500;  // of a regular expression

StatusOr<Matcher> AnyOf(std::string_view label, const std::set<std::string, std::less<>>& values) {
  std::string pattern;
  for (const std::string& value : values) {
    if (!pattern.empty()) pattern.push_back('|');
    for (const char c : value) {
      if (std::string_view("\\.+*?()|[]{}^$").find(c) != std::string_view::npos)
        pattern.push_back('\\');
      pattern.push_back(c);
    }
  }
  return Matcher::Create(MatchType::kRegex, std::string(label), std::move(pattern));
}

// Of the targets that `base` is about.
StatusOr<InfoSeries> ReadInfo(Builder& builder, const Call& call, const EvalWindow& window,
                              const Wanted& wanted, const Operator& base) {
  VectorSelector selector(call.pos);
  selector.matchers = wanted.All();
  const auto jobs = ValuesOf(kJobLabel, base, wanted);
  const auto instances = ValuesOf(kInstanceLabel, base, wanted);
  if (jobs.empty() && instances.empty()) {
    return InfoSeries{{}, RowStore(builder.context(), window.steps), {}};
  }
  for (const auto& [label, values] : {std::pair(kJobLabel, &jobs), {kInstanceLabel, &instances}}) {
    if (values->empty() || values->size() > kMostAlternatives) continue;
    NX_ASSIGN_OR_RETURN(Matcher matcher, AnyOf(label, *values));
    selector.matchers.push_back(std::move(matcher));
  }
  if (const TimeModifiers* time = FindTime(*call.args[0])) {
    selector.time.offset.ms = time->offset.ms;
    selector.time.at = time->at;
    selector.time.at_ms = time->at_ms;
  }
  NX_ASSIGN_OR_RETURN(OperatorPtr op,
                      MakeVectorSelector(&builder.context(), window, selector, {.function = "info"},
                                         SampleYield::kTimeOfNumber));
  InfoSeries out{op->all_labels(), RowStore(builder.context(), window.steps), {}};
  const auto meant = [](std::string_view value, const std::set<std::string, std::less<>>& values) {
    return values.empty() || values.contains(value);
  };
  NX_RETURN_IF_ERROR(ForEachTile(*op, [&](size_t first, const Tile& tile) {
    for (size_t row = 0; row < tile.rows(); ++row) {
      const Labels& labels = op->labels(first + row);
      out.times.Add(tile, row);
      if (!meant(labels.Get(kJobLabel), jobs) || !meant(labels.Get(kInstanceLabel), instances)) {
        continue;
      }
      if (tile.AnyHistogram(row)) {
        return FailedPrecondition("this should be an info metric, with float samples: {}",
                                  labels.ToString());
      }
      out.index[KeyOf(labels)][std::string(labels.metric_name())].rows.push_back(first + row);
    }
    return OkStatus();
  }));
  return out;
}

class Joiner {
 public:
  Joiner(QueryContext* context, const EvalWindow& window, const Wanted& wanted, InfoSeries* info)
      : context_(context),
        window_(window),
        wanted_(wanted),
        info_(*info),
        any_((window.steps + 63) / 64, 0),
        rows_(*context, window.steps),
        hold_(context->NewHold()) {}

  Status Add(const Labels& labels, bool drops_name, const Tile& tile, size_t row) {
    drops_name_ = drops_name;
    if (tile.RowEmpty(row)) return OkStatus();
    for (size_t w = 0; w < any_.size(); ++w) any_[w] |= tile.presence(row)[w];
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
    for (auto& [name, group] : it->second) FindNewest(&group);
    ForEachBit(tile.presence(row), tile.words(), [&](size_t step) {
      choice.clear();
      for (const auto& [name, group] : it->second) {
        if (group.newest[step] >= 0) choice.push_back(static_cast<size_t>(group.newest[step]));
      }
      steps_by_choice[choice].push_back(step);
    });
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

  StatusOr<OperatorPtr> Finish() {
    NX_RETURN_IF_ERROR(FindDuplicates());
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
  void FindNewest(InfoGroup* group) {
    if (!group->newest.empty()) return;
    hold_.Grow(window_.steps * sizeof(int32_t));
    group->newest.assign(window_.steps, kNone);
    std::vector<double> times(window_.steps);
    for (size_t r : group->rows) {
      tile_.Reset(1, window_.steps);
      info_.times.Load(r, &tile_, 0);
      ForEachBit(tile_.presence(0), tile_.words(), [&](size_t step) {
        const double time = tile_.values(0)[step];
        int32_t& newest = group->newest[step];
        if (newest != kNone && time < times[step]) return;
        newest = newest != kNone && time == times[step] ? kSeveral : static_cast<int32_t>(r);
        times[step] = time;
      });
    }
  }

  // Also of targets that no series belongs to.
  Status FindDuplicates() {
    for (auto& [key, metrics] : info_.index) {
      for (auto& [name, group] : metrics) {
        if (group.rows.size() == 1) continue;
        FindNewest(&group);
        NX_RETURN_IF_ERROR(context_->CheckMemory());
        for (size_t step = 0; step < window_.steps; ++step) {
          if (group.newest[step] == kSeveral && TestBit(any_.data(), step)) {
            return DuplicateError(group, step);
          }
        }
      }
    }
    return OkStatus();
  }

  Status DuplicateError(const InfoGroup& group, size_t step) {
    std::map<double, size_t> seen;
    for (size_t r : group.rows) {
      tile_.Reset(1, window_.steps);
      info_.times.Load(r, &tile_, 0);
      if (!tile_.Has(0, step)) continue;
      const double time = tile_.values(0)[step];
      const auto [it, added] = seen.emplace(time, r);
      if (added) continue;
      return FailedPrecondition(
          "found duplicate series for info metric: existing {} @ {:.0f}, new {} @ {:.0f}",
          info_.labels[it->second].ToMetricString(), time * 1000, info_.labels[r].ToMetricString(),
          time * 1000);
    }
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
  InfoSeries& info_;
  std::vector<uint64_t> any_;  // the steps at which there is anything to get labels
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
  NX_ASSIGN_OR_RETURN(InfoSeries info, ReadInfo(builder, call, window, wanted, *base));
  Joiner joiner(&builder.context(), window, wanted, &info);
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
