#pragma once
// Every function PromQL knows, with what the parser needs to check a call. Whether the engine can
// run it is the business of server/promql/functions.

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "server/promql/parser/value_type.h"

namespace narthex::promql {

struct FunctionSignature {
  std::string_view name;
  ValueType result;
  std::array<ValueType, 5> arg_types;  // kNone behind the last
  // 0: exactly the listed arguments. n > 0: the last listed one may be left out or repeated, so
  // that there are listed-1 … listed-1+n. -1: the last listed one any number of times.
  int variadic = 0;
  bool experimental = false;

  size_t listed() const {
    size_t n = 0;
    while (n < arg_types.size() && arg_types[n] != ValueType::kNone) ++n;
    return n;
  }
  ValueType arg_type(size_t i) const { return arg_types[i < listed() ? i : listed() - 1]; }
};

std::span<const FunctionSignature> AllFunctions();
// Null when there is none. Names are case-sensitive.
const FunctionSignature* FindFunction(std::string_view name);

}  // namespace narthex::promql
