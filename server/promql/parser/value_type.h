#pragma once
// The types of PromQL expressions.

#include <cstdint>
#include <string_view>

namespace narthex::promql {

enum class ValueType : uint8_t { kNone, kScalar, kVector, kMatrix, kString };

// As the API says it: "scalar", "vector", "matrix", "string", "none".
constexpr std::string_view ValueTypeName(ValueType type) {
  switch (type) {
    case ValueType::kScalar: return "scalar";
    case ValueType::kVector: return "vector";
    case ValueType::kMatrix: return "matrix";
    case ValueType::kString: return "string";
    case ValueType::kNone: break;
  }
  return "none";
}

// As error messages and the documentation say it: "instant vector", "range vector".
constexpr std::string_view DocumentedType(ValueType type) {
  switch (type) {
    case ValueType::kVector: return "instant vector";
    case ValueType::kMatrix: return "range vector";
    default: return ValueTypeName(type);
  }
}

}  // namespace narthex::promql
