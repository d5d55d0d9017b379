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
#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/status.h"

namespace narthex {

// Replaces *out by the decoded block.
Status SnappyDecompress(std::string_view block, size_t limit, std::string* out);
std::string SnappyCompress(std::string_view input);
void SnappyCompress(std::string_view input, std::string* out);

// Makes one block of data that comes piece by piece: holds what is compressed and 64 KiB at most of
// what is not yet. Not thread-safe.
class SnappyBlockBuilder {
 public:
  void Append(std::string_view data);
  // Puts what `part` holds behind it; the part is as new.
  void Append(SnappyBlockBuilder* part);
  uint64_t size() const { return size_; }  // of the data
  size_t held() const { return compressed_.size() + pending_.capacity(); }
  // The block; the builder is as new. Empty when the data is longer than a block may be.
  std::string Finish();

 private:
  void Flush();

  uint64_t size_ = 0;
  std::string pending_;     // less than a fragment
  std::string compressed_;  // fragments, one behind the other
  std::string scratch_;
};

// Replaces *out by the data of the whole stream; checksums are verified.
Status SnappyFramedDecompress(std::string_view stream, size_t limit, std::string* out);
std::string SnappyFramedCompress(std::string_view input);

}  // namespace narthex
