#include "core/kube/testing/json_text.h"

#include <cmath>

#include "core/json/writer.h"

namespace narthex::kube {
namespace {

void Write(const JsonValue& value, JsonWriter* out) {
  switch (value.type()) {
    case JsonValue::Type::kNull:
      out->Null();
      return;
    case JsonValue::Type::kBool:
      out->Bool(value.AsBool());
      return;
    case JsonValue::Type::kNumber:
      if (value.AsDouble() == std::floor(value.AsDouble())) {
        out->Int(value.AsInt());
      } else {
        out->Double(value.AsDouble());
      }
      return;
    case JsonValue::Type::kString:
      out->String(value.AsString());
      return;
    case JsonValue::Type::kArray:
      out->BeginArray();
      for (const JsonValue& item : value.items()) Write(item, out);
      out->EndArray();
      return;
    case JsonValue::Type::kObject:
      out->BeginObject();
      for (const auto& [name, member] : value.members()) Write(member, &out->Key(name));
      out->EndObject();
      return;
  }
}

void Set(JsonValue::Members* members, const std::string& name, JsonValue value) {
  std::erase_if(*members, [&](const auto& member) { return member.first == name; });
  members->emplace_back(name, std::move(value));
}

}  // namespace

std::string ToText(const JsonValue& value) {
  std::string text;
  JsonWriter writer(&text);
  Write(value, &writer);
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
