#include "core/json/reader.h"

#include <rapidjson/error/en.h>
#include <rapidjson/memorystream.h>
#include <rapidjson/reader.h>

#include <cmath>
#include <limits>

#include "core/strings/numbers.h"

namespace narthex {
namespace {

JsonValue NumberOf(std::string_view text) {
  if (const auto v = ParseInt(text); v && text != "-0") return JsonValue(*v);
  if (const auto v = ParseUint(text)) return JsonValue(*v);
  return JsonValue(ParseFloat(text).value_or(0));  // the library has checked the syntax
}

// Builds the tree from the parser's events, iteratively: the depth of the document costs heap that
// the limit bounds, and no stack.
class TreeBuilder {
 public:
  explicit TreeBuilder(const JsonLimits& limits) : limits_(limits) {}

  bool Null() { return Add(JsonValue()); }
  bool Bool(bool v) { return Add(JsonValue(v)); }
  // Numbers come as text alone: the library's own reading of doubles is undefined for "0e81e".
  bool Int(int) { return false; }
  bool Uint(unsigned) { return false; }
  bool Int64(int64_t) { return false; }
  bool Uint64(uint64_t) { return false; }
  bool Double(double) { return false; }
  bool RawNumber(const char* text, unsigned size, bool) { return Add(NumberOf({text, size})); }
  bool String(const char* s, unsigned n, bool) { return Add(JsonValue(std::string(s, n))); }
  bool StartObject() { return Open(false); }
  bool Key(const char* s, unsigned n, bool) {
    stack_.back().key.assign(s, n);
    return true;
  }
  bool EndObject(unsigned) { return Close(); }
  bool StartArray() { return Open(true); }
  bool EndArray(unsigned) { return Close(); }

  const char* limit_hit() const { return limit_hit_; }
  JsonValue TakeRoot() { return std::move(root_); }

 private:
  struct Level {
    bool is_array;
    std::string key;
    JsonValue::Array items;
    JsonValue::Members members;
  };

  bool Add(JsonValue value) {
    if (++values_ > limits_.max_values) return limit_hit_ = "too many values", false;
    Place(std::move(value));
    return true;
  }
  void Place(JsonValue value) {
    if (stack_.empty()) {
      root_ = std::move(value);
    } else if (stack_.back().is_array) {
      stack_.back().items.push_back(std::move(value));
    } else {
      stack_.back().members.emplace_back(std::move(stack_.back().key), std::move(value));
    }
  }
  bool Open(bool is_array) {
    if (++values_ > limits_.max_values) return limit_hit_ = "too many values", false;
    if (stack_.size() >= limits_.max_depth) return limit_hit_ = "nested too deeply", false;
    stack_.push_back({is_array, {}, {}, {}});
    return true;
  }
  bool Close() {
    Level level = std::move(stack_.back());
    stack_.pop_back();
    Place(level.is_array ? JsonValue(std::move(level.items)) : JsonValue(std::move(level.members)));
    return true;
  }

  const JsonLimits& limits_;
  std::vector<Level> stack_;
  JsonValue root_;
  size_t values_ = 0;
  const char* limit_hit_ = nullptr;
};

const JsonValue& NullValue() {
  static const JsonValue null;
  return null;
}

int64_t Clamp(double v) {
  if (std::isnan(v)) return 0;
  if (v >= 0x1p63) return std::numeric_limits<int64_t>::max();
  if (v < -0x1p63) return std::numeric_limits<int64_t>::min();
  return static_cast<int64_t>(v);
}

}  // namespace

JsonValue::Type JsonValue::type() const {
  constexpr Type kTypes[] = {Type::kNull,   Type::kBool,   Type::kNumber, Type::kNumber,
                             Type::kNumber, Type::kString, Type::kArray,  Type::kObject};
  return kTypes[value_.index()];
}

bool JsonValue::AsBool() const {
  const bool* v = std::get_if<bool>(&value_);
  return v != nullptr && *v;
}

double JsonValue::AsDouble() const {
  if (const auto* v = std::get_if<double>(&value_)) return *v;
  if (const auto* v = std::get_if<int64_t>(&value_)) return static_cast<double>(*v);
  if (const auto* v = std::get_if<uint64_t>(&value_)) return static_cast<double>(*v);
  return 0;
}

int64_t JsonValue::AsInt() const {
  if (const auto* v = std::get_if<int64_t>(&value_)) return *v;
  return Clamp(AsDouble());
}

const std::string& JsonValue::AsString() const {
  static const std::string empty;
  const auto* v = std::get_if<std::string>(&value_);
  return v != nullptr ? *v : empty;
}

const JsonValue::Array& JsonValue::items() const {
  static const Array empty;
  const auto* v = std::get_if<Array>(&value_);
  return v != nullptr ? *v : empty;
}

const JsonValue::Members& JsonValue::members() const {
  static const Members empty;
  const auto* v = std::get_if<Members>(&value_);
  return v != nullptr ? *v : empty;
}

const JsonValue& JsonValue::operator[](std::string_view name) const {
  const Members& all = members();
  for (auto member = all.rbegin(); member != all.rend(); ++member) {
    if (member->first == name) return member->second;
  }
  return NullValue();
}

bool JsonValue::Has(std::string_view name) const {
  for (const auto& member : members()) {
    if (member.first == name) return true;
  }
  return false;
}

StatusOr<JsonValue> ParseJson(std::string_view text, const JsonLimits& limits) {
  if (text.size() > limits.max_bytes) {
    return OutOfRange("JSON document of {} bytes exceeds {}", text.size(), limits.max_bytes);
  }
  // MemoryStream takes a pointer that it compares and never reads when the length is zero.
  rapidjson::MemoryStream stream(text.empty() ? "" : text.data(), text.size());
  rapidjson::Reader reader;
  TreeBuilder builder(limits);
  constexpr unsigned kFlags = rapidjson::kParseIterativeFlag |
                              rapidjson::kParseNumbersAsStringsFlag |
                              rapidjson::kParseValidateEncodingFlag;
  const rapidjson::ParseResult result = reader.Parse<kFlags>(stream, builder);
  if (builder.limit_hit() != nullptr) return OutOfRange("JSON document: {}", builder.limit_hit());
  if (result.IsError()) {
    return InvalidArgument("invalid JSON at byte {}: {}", result.Offset(),
                           rapidjson::GetParseError_En(result.Code()));
  }
  return builder.TakeRoot();
}

}  // namespace narthex
