#pragma once
// Zstandard, whole buffers.
//
// Errors: InvalidArgument "zstd: …" for damaged input, ResourceExhausted over the limit. Frames
// that need a window of more than 8 MiB are refused (RFC 9659 sets this bound for HTTP).
//
// Thread safety: functions only; safe from any thread.

#include <cstddef>
#include <string>
#include <string_view>

#include "core/base/status.h"

namespace narthex {

// Replaces *out by the decompressed frames.
Status ZstdDecompress(std::string_view input, size_t limit, std::string* out);
inline constexpr int kDefaultZstdLevel = 3;
std::string ZstdCompress(std::string_view input, int level = kDefaultZstdLevel);

}  // namespace narthex
