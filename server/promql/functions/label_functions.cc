// label_replace and label_join.

#include "core/labels/names.h"
#include "core/labels/regex.h"
#include "core/strings/duration.h"
#include "core/strings/numbers.h"
#include "core/strings/quote.h"
#include "server/promql/engine/basic_ops.h"
#include "server/promql/engine/go_sort.h"
#include "server/promql/functions/registry.h"

namespace narthex::promql {
namespace {

// Nested calls could double a value with each: this bounds what one match and one copy may take.
constexpr size_t kMostLabelBytes = 1 << 20;

// Gives the series of an operator another label each. What that takes is counted as it grows, and
// the query may end between any two.
class LabelWriter {
 public:
  LabelWriter(std::string_view function, std::string_view target, QueryContext* context)
      : function_(function), target_(target), context_(*context), hold_(context->NewHold()) {}

  Status Begin(std::span<const Labels> labels) {
    return hold_.Grow(BytesOf(labels)) ? context_.CheckAlive() : context_.CheckMemory();
  }

  // Before a series is worked on.
  Status Next(const Labels& labels) {
    // A look at the clock takes little beside what so many bytes do.
    looked_at_ += labels.flat().size();
    if (looked_at_ < kBytesALook) return OkStatus();
    looked_at_ = 0;
    return context_.CheckAlive();
  }

  Status Set(std::string_view value, Labels* labels) {
    if (value.size() > kMostLabelBytes) {
      return ResourceExhausted("label {} would be longer than {} in {}()", GoQuote(target_),
                               FormatSize(kMostLabelBytes), function_);
    }
    if (!hold_.Grow(value.size())) return context_.CheckMemory();
    edit_.Reset(*labels);
    edit_.Set(target_, value);
    *labels = edit_.Build();
    return OkStatus();
  }

 private:
  static constexpr size_t kBytesALook = 4096;
  const std::string_view function_, target_;
  const QueryContext& context_;
  MemoryHold hold_;
  size_t looked_at_ = 0;
  LabelsBuilder edit_;
};

StatusOr<OperatorPtr> LabelReplace(Builder& builder, const Call& call, const EvalWindow& window) {
  const std::string& target = StringValue(*call.args[1]);
  const std::string& replacement = StringValue(*call.args[2]);
  const std::string& source = StringValue(*call.args[3]);
  const std::string& pattern = StringValue(*call.args[4]);
  auto regex = AnchoredRegex::Compile(pattern);
  if (!regex.ok()) {
    return FailedPrecondition("invalid regular expression in label_replace(): {}", pattern);
  }
  if (!IsValidLabelName(target, NameValidation::kUtf8)) {
    return FailedPrecondition("invalid destination label name in label_replace(): {}", target);
  }
  NX_ASSIGN_OR_RETURN(OperatorPtr op, builder.Build(*call.args[0], window));
  LabelWriter writer("label_replace", target, &builder.context());
  NX_RETURN_IF_ERROR(writer.Begin(op->all_labels()));
  PickedLabels labels{op->all_labels(), op->drop_name()};
  std::string value;
  for (size_t i = 0; i < labels.labels.size(); ++i) {
    Labels& l = labels.labels[i];
    NX_RETURN_IF_ERROR(writer.Next(l));
    value.clear();
    if (!(*regex)->MatchAndExpand(l.Get(source), replacement, &value, kMostLabelBytes)) continue;
    if (target == kMetricNameLabel && i < labels.drop_name.size()) labels.drop_name[i] = 0;
    NX_RETURN_IF_ERROR(writer.Set(value, &l));
  }
  return MakeRelabelled(std::move(op), std::move(labels));
}

StatusOr<OperatorPtr> LabelJoin(Builder& builder, const Call& call, const EvalWindow& window) {
  const std::string& target = StringValue(*call.args[1]);
  const std::string& separator = StringValue(*call.args[2]);
  std::vector<std::string> sources;
  for (size_t i = 3; i < call.args.size(); ++i) {
    sources.push_back(StringValue(*call.args[i]));
    if (!IsValidLabelName(sources.back(), NameValidation::kUtf8)) {
      return FailedPrecondition("invalid source label name in label_join(): {}", sources.back());
    }
  }
  if (!IsValidLabelName(target, NameValidation::kUtf8)) {
    return FailedPrecondition("invalid destination label name in label_join(): {}", target);
  }
  NX_ASSIGN_OR_RETURN(OperatorPtr op, builder.Build(*call.args[0], window));
  LabelWriter writer("label_join", target, &builder.context());
  NX_RETURN_IF_ERROR(writer.Begin(op->all_labels()));
  // A name that is given on purpose stays.
  PickedLabels labels{op->all_labels(), {}};
  if (target != kMetricNameLabel) labels.drop_name = op->drop_name();
  std::string joined;
  for (Labels& l : labels.labels) {
    NX_RETURN_IF_ERROR(writer.Next(l));
    joined.clear();
    for (size_t i = 0; i < sources.size() && joined.size() <= kMostLabelBytes; ++i) {
      if (i > 0) joined.append(separator);
      joined.append(l.Get(sources[i]));
    }
    NX_RETURN_IF_ERROR(writer.Set(joined, &l));
  }
  return MakeRelabelled(std::move(op), std::move(labels));
}

// A run of digits, or of anything else.
std::string_view TakeRun(std::string_view* text) {
  const auto digit = [&](size_t i) { return (*text)[i] >= '0' && (*text)[i] <= '9'; };
  size_t end = 1;
  while (end < text->size() && digit(end) == digit(0)) ++end;
  const std::string_view run = text->substr(0, end);
  text->remove_prefix(end);
  return run;
}

// Numbers inside of texts are compared as numbers: "x2" before "x10".
bool NaturalLess(std::string_view a, std::string_view b) {
  while (!a.empty()) {
    if (b.empty()) return false;
    const std::string_view x = TakeRun(&a);
    const std::string_view y = TakeRun(&b);
    const auto m = ParseInt(x);
    const auto n = ParseInt(y);
    const bool equal = m && n ? *m == *n : x == y;
    if (!equal) return m && n ? *m < *n : x < y;
    if (a.empty()) return true;
  }
  return false;
}

// Only instant queries have an order.
template <bool kDescending>
StatusOr<OperatorPtr> SortByLabel(Builder& builder, const Call& call, const EvalWindow& window) {
  std::vector<std::string> names;
  for (size_t i = 1; i < call.args.size(); ++i) names.push_back(StringValue(*call.args[i]));
  NX_ASSIGN_OR_RETURN(OperatorPtr op, builder.Build(*call.args[0], window));
  if (window.steps != 1) return op;
  RowStore all(builder.context(), 1);
  std::vector<size_t> order;
  MemoryHold hold = builder.context().NewHold();
  if (!hold.Grow(op->size() * sizeof(size_t))) return builder.context().CheckMemory();
  NX_RETURN_IF_ERROR(ForEachTile(*op, [&](size_t first, const Tile& tile) {
    for (size_t row = 0; row < tile.rows(); ++row) {
      all.Add(tile, row);
      if (tile.Has(row, 0)) order.push_back(first + row);
    }
    return OkStatus();
  }));
  GoSort(&order, [&](size_t i, size_t j) {
    const Labels& a = op->labels(i);
    const Labels& b = op->labels(j);
    for (const std::string& name : names) {
      const std::string_view x = a.Get(name);
      const std::string_view y = b.Get(name);
      if (x == y) continue;
      // An empty text is before and behind any other, as upstream has it.
      return kDescending ? !NaturalLess(x, y) : NaturalLess(x, y);
    }
    return kDescending ? b < a : a < b;
  });
  RowStore rows(builder.context(), 1);
  PickedLabels labels;
  Tile tile;
  for (size_t i : order) {
    tile.Reset(1, 1);
    all.Load(i, &tile, 0);
    rows.Add(tile, 0);
    labels.Add(*op, i);
  }
  return MakeStored(&builder.context(), window, std::move(labels), std::move(rows), op->one_name());
}

constexpr FunctionEntry kFunctions[] = {{"label_replace", LabelReplace},
                                        {"label_join", LabelJoin},
                                        {"sort_by_label", SortByLabel<false>},
                                        {"sort_by_label_desc", SortByLabel<true>}};

}  // namespace

std::span<const FunctionEntry> LabelFunctions() { return kFunctions; }

}  // namespace narthex::promql
