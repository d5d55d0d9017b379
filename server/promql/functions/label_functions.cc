// label_replace and label_join.

#include "core/labels/names.h"
#include "core/labels/regex.h"
#include "core/strings/quote.h"
#include "server/promql/engine/basic_ops.h"
#include "server/promql/functions/registry.h"

namespace narthex::promql {
namespace {

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
  std::vector<Labels> labels = op->all_labels();
  LabelsBuilder edit;
  std::string value;
  for (Labels& l : labels) {
    value.clear();
    if (!(*regex)->MatchAndExpand(l.Get(source), replacement, &value)) continue;
    edit.Reset(l);
    edit.Set(target, value);
    l = edit.Build();
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
  std::vector<Labels> labels = op->all_labels();
  LabelsBuilder edit;
  for (Labels& l : labels) {
    std::string joined;
    for (size_t i = 0; i < sources.size(); ++i) {
      if (i > 0) joined.append(separator);
      joined.append(l.Get(sources[i]));
    }
    edit.Reset(l);
    edit.Set(target, joined);
    l = edit.Build();
  }
  return MakeRelabelled(std::move(op), std::move(labels));
}

constexpr FunctionEntry kFunctions[] = {{"label_replace", LabelReplace}, {"label_join", LabelJoin}};

}  // namespace

std::span<const FunctionEntry> LabelFunctions() { return kFunctions; }

}  // namespace narthex::promql
