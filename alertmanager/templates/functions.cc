#include "alertmanager/templates/functions.h"

#include <algorithm>

#include "alertmanager/types/alert.h"
#include "core/http/types.h"
#include "core/json/writer.h"
#include "core/strings/quote.h"
#include "core/template/humanize.h"
#include "core/template/text_functions.h"
#include "core/template/time_value.h"

namespace narthex::am {
namespace {

using tmpl::FunctionMap;
using tmpl::List;
using tmpl::Map;
using tmpl::OnText;
using tmpl::Value;
using Args = std::span<const Value>;

constexpr int kMaxJsonDepth = 64;

std::string Trim(std::string_view text) { return std::string(TrimSpace(text)); }

StatusOr<Value> Same(Args a) { return a[0]; }

StatusOr<Value> Join(Args a) {
  std::vector<std::string> parts;
  for (const Value& item : *a[1].list()) parts.push_back(ToText(item));
  return Value(JoinStrings(parts, a[0].as_string()));
}

StatusOr<Value> StringSlice(Args a) {
  std::vector<std::string> items;
  for (const Value& item : a) items.push_back(item.as_string());
  return Value::StringList(items);
}

StatusOr<Value> UrlUnescape(Args a) {
  NX_ASSIGN_OR_RETURN(std::string text, http::PercentDecode(a[0].as_string(), true));
  return Value(std::move(text));
}

StatusOr<Value> Date(Args a) {
  if (a[1].kind() != Value::Kind::kObject || a[1].as_object().GetMethod("Format") == nullptr) {
    return InvalidArgument("wrong type for value; expected time.Time; got {}", a[1].TypeName());
  }
  return a[1].as_object().GetMethod("Format")->call(a.subspan(0, 1));
}

StatusOr<Value> MakeDict(Args a) {
  if (a.size() % 2 != 0) return InvalidArgument("dict: needs an even number of arguments");
  Map map;
  for (size_t i = 0; i < a.size(); i += 2) {
    if (!a[i].is_string()) return InvalidArgument("dict: keys must be strings");
    map.items.insert_or_assign(a[i].as_string(), a[i + 1]);
  }
  return Value(std::move(map));
}

StatusOr<Value> Append(Args a) {
  List list = *a[0].list();
  list.insert(list.end(), a.begin() + 1, a.end());
  return Value(std::move(list));
}

// The names of the webhook's payload for what templates see of a notification.
std::string MemberName(std::string_view type, const std::string& field) {
  if (type != "template.Data" && type != "template.Alert") return field;
  if (field == "NotificationReason") return "notification_reason";
  return ToLowerAscii(field.substr(0, 1)) + field.substr(1);
}

Status WriteJson(JsonWriter& json, const Value& value, int depth) {
  if (depth > kMaxJsonDepth) return InvalidArgument("json: nested too deep");
  switch (value.kind()) {
    case Value::Kind::kMissing:
    case Value::Kind::kNil: json.Null(); return OkStatus();
    case Value::Kind::kBool: json.Bool(value.as_bool()); return OkStatus();
    case Value::Kind::kInt: json.Int(value.as_int()); return OkStatus();
    case Value::Kind::kFloat: json.Double(value.as_float()); return OkStatus();
    case Value::Kind::kString: json.String(value.as_string()); return OkStatus();
    case Value::Kind::kFunction: return InvalidArgument("json: unsupported type: func");
    default: break;
  }
  if (const List* list = value.list(); list != nullptr) {
    json.BeginArray();
    for (const Value& item : *list) NX_RETURN_IF_ERROR(WriteJson(json, item, depth + 1));
    json.EndArray();
    return OkStatus();
  }
  if (const Map* map = value.map(); map != nullptr) {
    json.BeginObject();
    for (const auto& [key, item] : map->items) {
      json.Key(key);
      NX_RETURN_IF_ERROR(WriteJson(json, item, depth + 1));
    }
    json.EndObject();
    return OkStatus();
  }
  if (const auto* object = value.kind() == Value::Kind::kObject
                               ? dynamic_cast<const tmpl::Struct*>(&value.as_object())
                               : nullptr) {
    json.BeginObject();
    for (const auto& [name, field] : object->fields()) {
      json.Key(MemberName(object->type_name(), name));
      NX_RETURN_IF_ERROR(WriteJson(json, field, depth + 1));
    }
    json.EndObject();
    return OkStatus();
  }
  int64_t nanos = 0;
  json.String(tmpl::TimeOf(value, &nanos) ? FormatNanos(Time{nanos, 0}) : ToText(value));
  return OkStatus();
}

StatusOr<Value> ToJson(Args a) {
  std::string out;
  JsonWriter json(&out);
  NX_RETURN_IF_ERROR(WriteJson(json, a[0], 0));
  return Value(std::move(out));
}

StatusOr<Value> HumanizeDuration(Args a) {
  NX_ASSIGN_OR_RETURN(const double seconds, tmpl::ToFloat(a[0]));
  return Value(tmpl::HumanizeDuration(seconds));
}

}  // namespace

FunctionMap TemplateFunctions(std::function<int64_t()> now_nanos) {
  return {
      {"toUpper", OnText(tmpl::ToUpper)},
      {"toLower", OnText(tmpl::ToLower)},
      {"title", OnText(tmpl::Title)},
      {"trimSpace", OnText(Trim)},
      {"join", {"sl", Join}},
      {"match", {"ss", tmpl::Match}},
      {"reReplaceAll", {"sss", tmpl::ReReplaceAll}},
      {"stringSlice", {"s*", StringSlice}},
      {"safeHtml", {"s", Same}},
      {"safeUrl", {"s", Same}},
      {"urlUnescape", {"s", UrlUnescape}},
      {"date", {"sa", Date}},
      {"tz", {"sa", [](Args a) { return tmpl::InZone(a[1], a[0].as_string()); }}},
      {"since",
       {"a",
        [now_nanos](Args a) -> StatusOr<Value> {
          int64_t then = 0;
          if (!tmpl::TimeOf(a[0], &then)) {
            return InvalidArgument("wrong type for value; expected time.Time; got {}",
                                   a[0].TypeName());
          }
          return tmpl::MakeDuration(now_nanos() - then);
        }}},
      {"now", {"", [now_nanos](Args) -> StatusOr<Value> { return tmpl::MakeTime(now_nanos()); }}},
      {"humanizeDuration", {"a", HumanizeDuration}},
      {"toJson", {"a", ToJson}},
      {"list", {"a*", [](Args a) -> StatusOr<Value> { return Value(List(a.begin(), a.end())); }}},
      {"append", {"la*", Append}},
      {"dict", {"a*", MakeDict}},
  };
}

}  // namespace narthex::am
