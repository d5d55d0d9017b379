#include "server/discovery/groups_text.h"

#include "core/config/decode.h"
#include "core/json/reader.h"
#include "core/labels/names.h"
#include "core/strings/quote.h"

namespace narthex::discovery {
namespace {

constexpr std::string_view kAddress = "__address__";

Status ReadLabels(const JsonValue& value, Labels* out) {
  if (value.is_null()) return OkStatus();
  if (!value.is_object()) return InvalidArgument("\"labels\" is not an object");
  LabelsBuilder labels(*out);
  for (const auto& [name, text] : value.members()) {
    if (!text.is_string() && !text.is_null()) {
      return InvalidArgument("label {} is not a string", GoQuote(name));
    }
    if (!IsValidLabelName(name, NameValidation::kUtf8)) {
      return InvalidArgument("{} is not a valid label name", GoQuote(name));
    }
    labels.Set(name, text.is_null() ? std::string_view() : std::string_view(text.AsString()));
  }
  *out = labels.Build();
  return OkStatus();
}

// As Go reads a struct: keys in any case, and of one that comes twice the last one counts; labels
// come together.
Status ReadGroup(const JsonValue& value, TargetGroup* group) {
  if (!value.is_object()) return InvalidArgument("a target group must be an object");
  for (const auto& [key, member] : value.members()) {
    if (EqualsIgnoreCase(key, "labels")) {
      NX_RETURN_IF_ERROR(ReadLabels(member, &group->labels));
    } else if (EqualsIgnoreCase(key, "targets")) {
      if (!member.is_array() && !member.is_null()) {
        return InvalidArgument("\"targets\" is not a list");
      }
      group->targets.clear();
      for (const JsonValue& target : member.items()) {
        if (!target.is_string()) return InvalidArgument("a target is not a string");
        group->targets.push_back(Labels{{kAddress, target.AsString()}});
      }
    } else {
      return InvalidArgument("json: unknown field {}", GoQuote(key));
    }
  }
  return OkStatus();
}

}  // namespace

void Describe(config::Fields& f, TargetGroup& group) {
  f.Type(
      "struct { Targets []string \"yaml:\\\"targets\\\"\"; Labels model.LabelSet "
      "\"yaml:\\\"labels\\\"\" }",
      "targetgroup.Group");
  std::vector<std::string> addresses;
  addresses.reserve(group.targets.size());
  for (const Labels& target : group.targets) addresses.emplace_back(target.Get(kAddress));
  f.Field("targets", addresses, config::Print::kAlways);
  f.Field("labels", group.labels);
  if (!f.decoding()) return;
  for (const Label& l : group.labels) {
    if (!IsValidLabelName(l.name, NameValidation::kUtf8)) {
      f.Fail(InvalidArgument("{} is not a valid label name", GoQuote(l.name)));
    }
  }
  group.targets.clear();
  for (const std::string& address : addresses) group.targets.push_back(Labels{{kAddress, address}});
}

StatusOr<std::vector<TargetGroup>> ParseJsonGroups(std::string_view text) {
  std::string valid;  // Go replaces what is no UTF-8
  if (!IsValidUtf8Text(text)) text = valid = ToValidUtf8(text);
  NX_ASSIGN_OR_RETURN(const JsonValue document, ParseJson(text, {.max_bytes = 64 << 20}));
  if (!document.is_array() && !document.is_null()) {
    return InvalidArgument("the file must hold a list of target groups");
  }
  std::vector<TargetGroup> groups;
  for (const JsonValue& item : document.items()) {
    if (item.is_null()) {
      return InvalidArgument("nil target group item found (index {})", groups.size());
    }
    groups.emplace_back();
    NX_RETURN_IF_ERROR(ReadGroup(item, &groups.back()));
  }
  return groups;
}

StatusOr<std::vector<TargetGroup>> ParseYamlGroups(std::string_view text) {
  NX_ASSIGN_OR_RETURN(const config::NodePtr document, config::ReadDocument(text));
  std::vector<TargetGroup> groups;
  if (document->is_null()) return groups;
  for (size_t i = 0; i < document->items.size(); ++i) {
    if (document->items[i]->is_null()) {
      return InvalidArgument("nil target group item found (index {})", i);
    }
  }
  NX_RETURN_IF_ERROR(config::DecodeNode(*document, &groups));
  return groups;
}

}  // namespace narthex::discovery
