#pragma once
// JSON for tests, by a parser that is not behind our own code: paths like "data.result.0.value.1".

#include <simdjson.h>

#include <optional>
#include <string>
#include <string_view>

namespace narthex::testing {

class Json {
 public:
  using Value = simdjson::dom::element;

  explicit Json(std::string_view text) { valid_ = parser_.parse(text).get(root_) == kSuccess; }

  std::optional<Value> Find(std::string_view path) const {
    if (!valid_) return std::nullopt;
    Value value = root_;
    while (!path.empty()) {
      const size_t dot = path.find('.');
      const std::string step(path.substr(0, dot));
      path.remove_prefix(dot == std::string_view::npos ? path.size() : dot + 1);
      const auto found = value.is_array() ? value.at(std::stoul(step)) : value.at_key(step);
      if (found.error() != kSuccess) return std::nullopt;
      value = found.value_unsafe();
    }
    return value;
  }
  std::string String(std::string_view path) const {
    const std::optional<Value> value = Find(path);
    return value && value->is_string() ? Text(*value) : "";
  }
  size_t Size(std::string_view path) const {
    const std::optional<Value> value = Find(path);
    return value && value->is_array() ? value->get_array().value_unsafe().size() : 0;
  }
  bool valid() const { return valid_; }

  // Of a string.
  static std::string Text(const Value& value) {
    return std::string(value.get_string().value_unsafe());
  }

 private:
  static constexpr auto kSuccess = simdjson::SUCCESS;

  simdjson::dom::parser parser_;  // holds what the values are views of
  Value root_;
  bool valid_ = false;
};

}  // namespace narthex::testing
