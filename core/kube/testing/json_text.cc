#include "core/kube/testing/json_text.h"

#include "core/json/writer.h"

namespace narthex::kube {
namespace {

void Set(JsonValue::Members* members, const std::string& name, JsonValue value) {
  std::erase_if(*members, [&](const auto& member) { return member.first == name; });
  members->emplace_back(name, std::move(value));
}

}  // namespace

std::string ToText(const JsonValue& value) {
  std::string text;
  JsonWriter(&text).Value(value);
  return text;
}

JsonValue WithVersion(const JsonValue& object, uint64_t version, const std::string& uid) {
  JsonValue::Members metadata = object["metadata"].members();
  Set(&metadata, "resourceVersion", JsonValue(fmt::format("{}", version)));
  if (object["metadata"]["uid"].is_null()) Set(&metadata, "uid", JsonValue(uid));
  JsonValue::Members members = object.members();
  Set(&members, "metadata", JsonValue(std::move(metadata)));
  return JsonValue(std::move(members));
}

JsonValue Without(const JsonValue& object, std::initializer_list<std::string_view> names) {
  JsonValue::Members members;
  for (const auto& member : object.members()) {
    if (std::find(names.begin(), names.end(), member.first) == names.end()) {
      members.push_back(member);
    }
  }
  return JsonValue(std::move(members));
}

}  // namespace narthex::kube
