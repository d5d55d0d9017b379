#pragma once
// Numbers as Go's literals have them: a prefix for the base, underscores between digits.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/status.h"

namespace narthex {

// Takes out underscores, each of which must stand between digits or behind the prefix of a base;
// nullopt when one does not. No sign in front.
std::optional<std::string> WithoutUnderscores(std::string_view number);

// strconv.ParseInt(text, 0, 64). InvalidArgument with Go's words.
StatusOr<int64_t> ParseIntOfAnyBase(std::string_view text);

}  // namespace narthex
