// The configuration file: keys that stand for flags, with lists and maps where flags have commas.

#include <algorithm>

#include "core/config/node.h"
#include "kube_state_metrics/options/flags.h"
#include "kube_state_metrics/options/options.h"

namespace narthex::ksm {
namespace {

// A value as the flag of the same meaning would be given: a scalar as it is; a list with commas; a
// map of lists as k=[a,b]; the keys of any other map with commas (upstream's sets are maps).
StatusOr<std::string> FlagText(const config::Node& node) {
  std::string out;
  const auto append = [&](std::string_view text) {
    if (!out.empty()) out += ',';
    out += text;
  };
  if (node.is_scalar()) return node.value;
  if (node.is_sequence()) {
    for (const auto& item : node.items) {
      if (!item->is_scalar()) return InvalidArgument("line {}: expected a text", item->line);
      append(item->value);
    }
    return out;
  }
  if (node.is_null()) return out;
  NX_ASSIGN_OR_RETURN(const auto entries, config::Entries(node));
  for (const config::Entry& entry : entries) {
    if (entry.value->is_sequence()) {
      NX_ASSIGN_OR_RETURN(const std::string list, FlagText(*entry.value));
      append(fmt::format("{}=[{}]", entry.key, list));
    } else {
      append(entry.key);
    }
  }
  return out;
}

// What a list flag would add to is replaced by the file.
void Clear(std::string_view key, Options* options) {
  if (key == "metric_allowlist") options->metric_allowlist.clear();
  if (key == "metric_denylist") options->metric_denylist.clear();
  if (key == "metric_opt_in_list") options->metric_opt_in.clear();
  if (key == "resources") options->resources.clear();
  if (key == "namespaces") options->namespaces.clear();
  if (key == "namespaces_denylist") options->namespaces_denylist.clear();
  if (key == "labels_allow_list") options->labels = AllowList();
  if (key == "annotations_allow_list") options->annotations = AllowList();
}

}  // namespace

Status ApplyConfigText(std::string_view yaml, Options* options) {
  NX_ASSIGN_OR_RETURN(const config::NodePtr document, config::ReadDocument(yaml));
  if (document->is_null()) return OkStatus();
  if (!document->is_mapping()) return InvalidArgument("the configuration is no mapping");
  NX_ASSIGN_OR_RETURN(const auto entries, config::Entries(*document));
  const auto flags = FlagDefinitions();
  for (const config::Entry& entry : entries) {
    const auto flag = std::ranges::find(flags, entry.key, &FlagDefinition::yaml_key);
    if (flag == flags.end() || entry.key.empty()) {
      return InvalidArgument("line {}: unknown key {}", entry.key_node->line, entry.key);
    }
    if (entry.duplicate)
      return InvalidArgument("line {}: {} again", entry.key_node->line, entry.key);
    Clear(entry.key, options);
    NX_ASSIGN_OR_RETURN(const std::string text, FlagText(*entry.value));
    const Status status = flag->set(*options, text);
    if (!status.ok()) {
      return Annotate(status, fmt::format("line {}: {}", entry.key_node->line, entry.key));
    }
  }
  return OkStatus();
}

}  // namespace narthex::ksm
