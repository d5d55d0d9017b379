#pragma once
// Snappy in its two shapes: the bare block (remote write and read, WAL records) and the framed
// stream (Content-Encoding: snappy of a push).
//
// Errors: InvalidArgument ("snappy: corrupt input", "snappy: unsupported input", "unexpected EOF");
// ResourceExhausted over the limit. A block that claims more than its bytes can yield is corrupt,
// so memory stays in proportion to the input.
//
// Thread safety: functions only; safe from any thread.

#include <cstddef>
#include <string>
#include <string_view>

#include "core/base/status.h"

namespace narthex {

// Replaces *out by the decoded block.
Status SnappyDecompress(std::string_view block, size_t limit, std::string* out);
std::string SnappyCompress(std::string_view input);
void SnappyCompress(std::string_view input, std::string* out);

// Replaces *out by the data of the whole stream; checksums are verified.
Status SnappyFramedDecompress(std::string_view stream, size_t limit, std::string* out);
std::string SnappyFramedCompress(std::string_view input);

}  // namespace narthex
