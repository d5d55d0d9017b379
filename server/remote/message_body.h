#pragma once
// The body of remote write and read requests: one snappy block. Functions only.

#include <string>
#include <string_view>

#include "core/base/status.h"

namespace narthex::remote {

// Of a body, as it comes and decoded.
inline constexpr size_t kMaxDecodedBytes = size_t{32} << 20;

// Replaces *out. The errors are what the client is told.
Status DecodeBody(std::string_view body, std::string* out);

}  // namespace narthex::remote
