#pragma once
// The values templates work on: nil, bool, int, float, string, list, map, object, function.
//
// Objects stand for Go's structs and named types: they have fields, methods, a type name and a
// text. Composite values are shared and immutable, so a Value is cheap to copy.
//
// Thread safety: immutable values.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/base/status.h"

namespace narthex::tmpl {

class Value;
using List = std::vector<Value>;

// A callable and what it takes, one letter a parameter:
//   a anything   s string   i int   f float   b bool   l list
// A trailing '*' repeats the last one any number of times (also none): "s*".
// Errors become "error calling NAME: MESSAGE".
struct Function {
  std::string params;
  std::function<StatusOr<Value>(std::span<const Value>)> call;
};

struct Map;

// What a template sees of a struct or a named type.
class Object {
 public:
  virtual ~Object() = default;
  virtual std::string type_name() const = 0;  // "template.Alert", in errors and for %T
  virtual std::string ToText() const = 0;     // %v
  // True and the value when there is such a field / method.
  virtual bool GetField(std::string_view name, Value* out) const;
  virtual const Function* GetMethod(std::string_view name) const;
  // The map or list behind a named map or list type, for range, index, len and field access.
  virtual const Map* AsMap() const { return nullptr; }
  virtual const List* AsList() const { return nullptr; }
};

class Value {
 public:
  enum class Kind { kMissing, kNil, kBool, kInt, kFloat, kString, kList, kMap, kObject, kFunction };

  Value() = default;                                              // nil
  Value(bool v) : v_(v) {}                                        // NOLINT: implicit on purpose
  Value(int v) : v_(static_cast<int64_t>(v)) {}                   // NOLINT
  Value(int64_t v) : v_(v) {}                                     // NOLINT
  Value(double v) : v_(v) {}                                      // NOLINT
  Value(std::string v) : v_(std::move(v)) {}                      // NOLINT
  Value(std::string_view v) : v_(std::string(v)) {}               // NOLINT
  Value(const char* v) : v_(std::string(v)) {}                    // NOLINT
  Value(List v);                                                  // NOLINT: a []interface {}
  Value(Map v);                                                   // NOLINT
  Value(std::shared_ptr<const Object> v) : v_(std::move(v)) {}    // NOLINT
  Value(std::shared_ptr<const Function> v) : v_(std::move(v)) {}  // NOLINT

  // What a map gives for a key it does not have: prints as <no value>.
  static Value Missing();
  static Value StringList(const std::vector<std::string>& items);  // a []string

  Kind kind() const;
  bool is_nil() const { return kind() == Kind::kNil || kind() == Kind::kMissing; }
  bool is_string() const { return kind() == Kind::kString; }
  bool is_number() const { return kind() == Kind::kInt || kind() == Kind::kFloat; }

  // Each only when kind() says so.
  bool as_bool() const { return std::get<bool>(v_); }
  int64_t as_int() const { return std::get<int64_t>(v_); }
  double as_float() const { return std::get<double>(v_); }
  const std::string& as_string() const { return std::get<std::string>(v_); }
  const Object& as_object() const { return *std::get<std::shared_ptr<const Object>>(v_); }
  std::shared_ptr<const Object> object() const {
    return std::get<std::shared_ptr<const Object>>(v_);
  }
  const Function& as_function() const { return *std::get<std::shared_ptr<const Function>>(v_); }
  // The list or map of a list, map or object; nullptr for anything else.
  const List* list() const;
  const Map* map() const;

  std::string TypeName() const;  // as Go's %T
  bool Truth() const;            // not the empty value of its kind

 private:
  struct MissingTag {};
  struct TypedList;
  std::variant<std::monostate, MissingTag, bool, int64_t, double, std::string,
               std::shared_ptr<const TypedList>, std::shared_ptr<const Map>,
               std::shared_ptr<const Object>, std::shared_ptr<const Function>>
      v_;
};

// Iterated in the order of keys. `zero` is what missingkey=zero gives for an absent key:
// nil for a map of anything, "" for a map of strings.
struct Map {
  std::map<std::string, Value, std::less<>> items;
  Value zero;
  std::string type_name = "map[string]interface {}";

  static Map OfStrings(const std::vector<std::pair<std::string, std::string>>& pairs);
};

// fmt.Sprint of one value, "%v": <nil>, [a b], map[k:v].
std::string ToText(const Value& value);
// fmt.Sprint: blanks between operands when neither is a string. fmt.Sprintln: always, and a
// newline.
std::string Print(std::span<const Value> values);
std::string PrintLine(std::span<const Value> values);
// fmt.Sprintf with all its verbs, flags, widths and complaints. Output is cut off at `limit` bytes.
std::string Printf(std::string_view format, std::span<const Value> values,
                   size_t limit = size_t{1} << 20);

// A struct-like object with its fields in declaration order.
class Struct final : public Object {
 public:
  using FieldList = std::vector<std::pair<std::string, Value>>;
  Struct(std::string type_name, FieldList fields)
      : type_name_(std::move(type_name)), fields_(std::move(fields)) {}
  static Value Make(std::string type_name, FieldList fields) {
    return Value(std::static_pointer_cast<const Object>(
        std::make_shared<Struct>(std::move(type_name), std::move(fields))));
  }
  std::string type_name() const override { return type_name_; }
  std::string ToText() const override;  // {a b c}
  bool GetField(std::string_view name, Value* out) const override;
  const FieldList& fields() const { return fields_; }

 private:
  std::string type_name_;
  FieldList fields_;
};

}  // namespace narthex::tmpl
