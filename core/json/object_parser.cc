#include "core/json/object_parser.h"

#include <simdjson.h>

namespace narthex {
namespace {

namespace dom = simdjson::dom;

class Converter {
 public:
  Converter(const JsonLimits& limits, const JsonObjectParser::Skip& skip)
      : limits_(limits), skip_(skip) {}

  // The library has limited the depth, and with it this recursion. `name` is of the member that
  // the element is the value of.
  JsonValue Convert(const dom::element& element, std::string_view name = {}) {
    ++values_;
    switch (element.type()) {
      case dom::element_type::ARRAY: return ConvertArray(element);
      case dom::element_type::OBJECT: return ConvertObject(element, name);
      case dom::element_type::STRING:
        return JsonValue(std::string(element.get_string().value_unsafe()));
      case dom::element_type::INT64: return JsonValue(element.get_int64().value_unsafe());
      case dom::element_type::UINT64: return JsonValue(element.get_uint64().value_unsafe());
      case dom::element_type::DOUBLE: return JsonValue(element.get_double().value_unsafe());
      case dom::element_type::BOOL: return JsonValue(element.get_bool().value_unsafe());
      case dom::element_type::NULL_VALUE: break;
    }
    return JsonValue();
  }
  bool too_many() const { return values_ > limits_.max_values; }

 private:
  JsonValue ConvertArray(const dom::element& element) {
    const dom::array array = element.get_array().value_unsafe();
    JsonValue::Array items;
    if (too_many()) return JsonValue();
    items.reserve(std::min<size_t>(array.size(), limits_.max_values));
    for (const dom::element item : array) items.push_back(Convert(item));
    return JsonValue(std::move(items));
  }

  JsonValue ConvertObject(const dom::element& element, std::string_view name) {
    const dom::object object = element.get_object().value_unsafe();
    JsonValue::Members members;
    if (too_many()) return JsonValue();
    members.reserve(std::min<size_t>(object.size(), limits_.max_values));
    const bool may_skip = !skip_.name.empty() && name == skip_.parent;
    for (const dom::key_value_pair field : object) {
      if (may_skip && field.key == skip_.name) continue;
      JsonValue value = Convert(field.value, field.key);
      members.emplace_back(std::string(field.key), std::move(value));
    }
    return JsonValue(std::move(members));
  }

  const JsonLimits& limits_;
  const JsonObjectParser::Skip& skip_;
  size_t values_ = 0;
};

}  // namespace

struct JsonObjectParser::Impl {
  JsonLimits limits;
  Skip skip;
  dom::parser parser;

  Impl(JsonLimits l, Skip s) : limits(l), skip(std::move(s)), parser(limits.max_bytes) {}
};

JsonObjectParser::JsonObjectParser(JsonLimits limits, Skip skip)
    : impl_(std::make_unique<Impl>(limits, std::move(skip))) {}

JsonObjectParser::~JsonObjectParser() = default;

StatusOr<JsonValue> JsonObjectParser::Parse(std::string_view text) {
  constexpr size_t kFirstCapacity = 16 << 10;
  if (text.size() <= impl_->limits.max_bytes && impl_->parser.capacity() == 0 &&
      impl_->parser.allocate(kFirstCapacity, impl_->limits.max_depth) != simdjson::SUCCESS) {
    return ResourceExhausted("no memory for the JSON parser");
  }
  dom::element root;
  const auto error = text.size() > impl_->limits.max_bytes
                         ? simdjson::CAPACITY
                         : impl_->parser.parse(text.data(), text.size(), true).get(root);
  // It knows less of numbers beyond 64 bits and says less about errors than the small reader does.
  if (error != simdjson::SUCCESS) return ParseJson(text, impl_->limits);
  Converter converter(impl_->limits, impl_->skip);
  JsonValue value = converter.Convert(root);
  if (converter.too_many()) return OutOfRange("JSON document: too many values");
  return value;
}

}  // namespace narthex
