#pragma once
// Small JSON documents as a tree of values: API requests, answers of peers, state files. Big lists
// are not for this reader. The text is untrusted: size, depth and the number of values are limited.
//
//   NX_ASSIGN_OR_RETURN(JsonValue document, ParseJson(body));
//   for (const auto& [name, value] : document["labels"].members()) …
//
// Accessors never fail: a value of another type reads as empty ("" / 0 / false / no members), and
// operator[] of a missing member is Null. Code that must tell checks type() first.
// Thread safety: const methods may run concurrently.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "core/base/status.h"

namespace narthex {

class JsonValue {
 public:
  enum class Type { kNull, kBool, kNumber, kString, kArray, kObject };
  using Array = std::vector<JsonValue>;
  using Members = std::vector<std::pair<std::string, JsonValue>>;  // in the order of the document

  JsonValue() = default;
  explicit JsonValue(bool v) : value_(v) {}
  explicit JsonValue(int64_t v) : value_(v) {}
  explicit JsonValue(uint64_t v) : value_(v) {}
  explicit JsonValue(double v) : value_(v) {}
  explicit JsonValue(std::string v) : value_(std::move(v)) {}
  explicit JsonValue(Array v) : value_(std::move(v)) {}
  explicit JsonValue(Members v) : value_(std::move(v)) {}

  Type type() const;
  bool is_null() const { return type() == Type::kNull; }
  bool is_string() const { return type() == Type::kString; }
  bool is_number() const { return type() == Type::kNumber; }
  bool is_array() const { return type() == Type::kArray; }
  bool is_object() const { return type() == Type::kObject; }

  bool AsBool() const;
  double AsDouble() const;
  int64_t AsInt() const;  // fractions cut off, clamped to the range of int64_t
  const std::string& AsString() const;
  const Array& items() const;
  const Members& members() const;

  // The last member of that name (as Go decodes duplicates), or Null.
  const JsonValue& operator[](std::string_view name) const;
  bool Has(std::string_view name) const;

 private:
  std::variant<std::monostate, bool, int64_t, uint64_t, double, std::string, Array, Members> value_;
};

struct JsonLimits {
  size_t max_bytes = 16 << 20;
  size_t max_depth = 64;
  size_t max_values = 1'000'000;
};

// InvalidArgument names the byte offset; OutOfRange when a limit is passed.
StatusOr<JsonValue> ParseJson(std::string_view text, const JsonLimits& limits = {});

}  // namespace narthex
