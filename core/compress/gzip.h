#pragma once
// gzip, zlib and raw deflate.
//
// Whole buffers go through libdeflate (two to three times as fast as zlib); streams, and the
// diagnosis of damaged input, go through zlib. Every decoder takes a limit for its output and
// never allocates past it, nor past what the input could possibly inflate to.
//
// Errors: InvalidArgument in Go's words ("gzip: invalid header", "gzip: invalid checksum",
// "unexpected EOF", "flate: corrupt input before offset 12") for damaged input; ResourceExhausted
// when the output would exceed the limit.
//
// Thread safety: the functions are safe from any thread; a stream object belongs to one thread.

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "core/base/byte_budget.h"
#include "core/base/status.h"

namespace narthex {

enum class DeflateFormat {
  kGzip,
  kZlib,  // what HTTP calls "deflate"
  kRaw,
};

// Replaces *out by the decompressed input. Several gzip members follow each other as one. Passing
// the same *out again, uncleared, saves allocation and zero-filling. *lease, when given, holds the
// size of *out; the error is its refusal when it refuses.
Status GzipDecompress(std::string_view input, size_t limit, std::string* out, ByteLease* lease);
Status GzipDecompress(std::string_view input, size_t limit, std::string* out);
// HTTP's "deflate": zlib format, or the raw stream that some peers send instead.
Status DeflateDecompress(std::string_view input, size_t limit, std::string* out);

inline constexpr int kDefaultGzipLevel = 6;
std::string GzipCompress(std::string_view input, int level = kDefaultGzipLevel);
std::string ZlibCompress(std::string_view input, int level = kDefaultGzipLevel);

// Compresses a stream: Write any number of times, Flush where the peer must be able to read all of
// what was written so far, Finish once. Output is appended to *out; about 260 KB while alive.
class DeflateStream {
 public:
  explicit DeflateStream(DeflateFormat format, int level = kDefaultGzipLevel);
  ~DeflateStream();
  DeflateStream(DeflateStream&&) noexcept;
  DeflateStream& operator=(DeflateStream&&) noexcept;

  void Write(std::string_view chunk, std::string* out);
  void Flush(std::string* out);
  void Finish(std::string* out);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// Decompresses a stream piece by piece. The limit counts all output since construction.
class InflateStream {
 public:
  InflateStream(DeflateFormat format, size_t limit);
  ~InflateStream();
  InflateStream(InflateStream&&) noexcept;
  InflateStream& operator=(InflateStream&&) noexcept;

  // Appends what `chunk` inflates to. After an error the stream is dead.
  Status Write(std::string_view chunk, std::string* out);
  // OK when the stream ended where a stream may end; "unexpected EOF" otherwise.
  Status Finish() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace narthex
