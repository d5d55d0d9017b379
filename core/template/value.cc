#include "core/template/value.h"

#include "core/strings/numbers.h"

namespace narthex::tmpl {

struct Value::TypedList {
  List items;
  std::string type_name;
};

bool Object::GetField(std::string_view, Value*) const { return false; }
const Function* Object::GetMethod(std::string_view) const { return nullptr; }

Value::Value(List v)
    : v_(std::make_shared<const TypedList>(TypedList{std::move(v), "[]interface {}"})) {}
Value::Value(Map v) : v_(std::make_shared<const Map>(std::move(v))) {}

Value Value::Missing() {
  Value value;
  value.v_ = MissingTag{};
  return value;
}

Value Value::StringList(const std::vector<std::string>& items) {
  Value value;
  value.v_ =
      std::make_shared<const TypedList>(TypedList{List(items.begin(), items.end()), "[]string"});
  return value;
}

Value::Kind Value::kind() const {
  static constexpr Kind kKinds[] = {Kind::kNil,    Kind::kMissing, Kind::kBool, Kind::kInt,
                                    Kind::kFloat,  Kind::kString,  Kind::kList, Kind::kMap,
                                    Kind::kObject, Kind::kFunction};
  if (v_.index() == 8 && std::get<8>(v_) == nullptr) return Kind::kNil;
  return kKinds[v_.index()];
}

const List* Value::list() const {
  if (kind() == Kind::kList) return &std::get<std::shared_ptr<const TypedList>>(v_)->items;
  return kind() == Kind::kObject ? as_object().AsList() : nullptr;
}

const Map* Value::map() const {
  if (kind() == Kind::kMap) return std::get<std::shared_ptr<const Map>>(v_).get();
  return kind() == Kind::kObject ? as_object().AsMap() : nullptr;
}

std::string Value::TypeName() const {
  switch (kind()) {
    case Kind::kMissing:
    case Kind::kNil: return "<nil>";
    case Kind::kBool: return "bool";
    case Kind::kInt: return "int";
    case Kind::kFloat: return "float64";
    case Kind::kString: return "string";
    case Kind::kList: return std::get<std::shared_ptr<const TypedList>>(v_)->type_name;
    case Kind::kMap: return map()->type_name;
    case Kind::kObject: return as_object().type_name();
    case Kind::kFunction: return "func";
  }
  return "";
}

bool Value::Truth() const {
  switch (kind()) {
    case Kind::kMissing:
    case Kind::kNil: return false;
    case Kind::kBool: return as_bool();
    case Kind::kInt: return as_int() != 0;
    case Kind::kFloat: return as_float() != 0;
    case Kind::kString: return !as_string().empty();
    case Kind::kList: return !list()->empty();
    case Kind::kMap: return !map()->items.empty();
    case Kind::kObject:
      if (list() != nullptr) return !list()->empty();
      if (map() != nullptr) return !map()->items.empty();
      return true;
    case Kind::kFunction: return true;
  }
  return false;
}

Map Map::OfStrings(const std::vector<std::pair<std::string, std::string>>& pairs) {
  Map map;
  map.zero = Value("");
  map.type_name = "map[string]string";
  for (const auto& [name, value] : pairs) map.items.insert_or_assign(name, Value(value));
  return map;
}

std::string ToText(const Value& value) {
  switch (value.kind()) {
    case Value::Kind::kMissing:
    case Value::Kind::kNil: return "<nil>";
    case Value::Kind::kBool: return value.as_bool() ? "true" : "false";
    case Value::Kind::kInt: return fmt::format("{}", value.as_int());
    case Value::Kind::kFloat: {
      // fmt's %v turns to exponents at 1e+06, as the exposition formats do.
      std::string out;
      AppendExpositionFloat(&out, value.as_float());
      return out;
    }
    case Value::Kind::kString: return value.as_string();
    case Value::Kind::kObject: return value.as_object().ToText();
    case Value::Kind::kFunction: return "<func>";
    case Value::Kind::kList: {
      std::string out = "[";
      for (const Value& item : *value.list()) {
        if (out.size() > 1) out += " ";
        out += ToText(item);
      }
      return out + "]";
    }
    case Value::Kind::kMap: {
      std::string out = "map[";
      for (const auto& [key, item] : value.map()->items) {
        if (out.back() != '[') out += " ";
        out += key + ":" + ToText(item);
      }
      return out + "]";
    }
  }
  return "";
}

std::string Print(std::span<const Value> values) {
  std::string out;
  for (size_t i = 0; i < values.size(); ++i) {
    if (i > 0 && !values[i].is_string() && !values[i - 1].is_string()) out += " ";
    out += ToText(values[i]);
  }
  return out;
}

std::string PrintLine(std::span<const Value> values) {
  std::string out;
  for (size_t i = 0; i < values.size(); ++i) {
    if (i > 0) out += " ";
    out += ToText(values[i]);
  }
  return out + "\n";
}

std::string Struct::ToText() const {
  std::string out = "{";
  for (const auto& [name, value] : fields_) {
    if (out.size() > 1) out += " ";
    out += tmpl::ToText(value);
  }
  return out + "}";
}

bool Struct::GetField(std::string_view name, Value* out) const {
  for (const auto& [field, value] : fields_) {
    if (field != name) continue;
    *out = value;
    return true;
  }
  return false;
}

}  // namespace narthex::tmpl
