#pragma once
// What the heads of requests and responses share: lines and fields. A bare LF ends a line and a
// field may be folded, as Go has it; control characters are refused.
//
// Thread safety: none needed; pure functions.

#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/status.h"
#include "core/http/types.h"

namespace narthex::http {

// More fields than this are refused whatever their size.
inline constexpr size_t kMaxFields = 1000;

bool IsToken(std::string_view text);
bool HasControl(std::string_view text);  // other than tab

// What the peer sent, as errors show it: quoted, and not all of it.
std::string ShowPeerText(std::string_view line);

// Cuts the next line off, without its end.
std::string_view NextHeadLine(std::string_view* text);

// The bytes of the head at the beginning of `data`, its empty line included; 0 when it is not all
// there. What is before `from` has been looked at before.
size_t FindHeadEnd(std::string_view data, size_t from);

// What becomes of a field with blanks in its name.
enum class BlankNames : uint8_t { kLeftOut, kRefused };

// The fields up to an empty line or the end. Errors have Go's words; ResourceExhausted: too many.
Status ParseFields(std::string_view text, BlankNames policy, Headers* headers);

}  // namespace narthex::http
