// The streaming half of gzip.h, on zlib.
#include <zlib.h>

#include <algorithm>
#include <cstring>

#include "core/base/check.h"
#include "core/compress/gzip.h"
#include "core/compress/limits.h"

namespace narthex {
namespace {

// zlib's encoding of the container in its windowBits argument.
int WindowBits(DeflateFormat format) {
  switch (format) {
    case DeflateFormat::kGzip: return 15 + 16;
    case DeflateFormat::kZlib: return 15;
    case DeflateFormat::kRaw: break;
  }
  return -15;
}

constexpr size_t kBuffer = 32 * 1024;
// zlib counts input in 32 bits.
constexpr size_t kMaxPiece = size_t{1} << 30;

void SetInput(z_stream* z, std::string_view piece) {
  z->next_in = reinterpret_cast<Bytef*>(const_cast<char*>(piece.data()));
  z->avail_in = static_cast<uInt>(piece.size());
}

}  // namespace

struct DeflateStream::Impl {
  z_stream z{};

  Impl(DeflateFormat format, int level) {
    NX_CHECK(deflateInit2(&z, level, Z_DEFLATED, WindowBits(format), 8, Z_DEFAULT_STRATEGY) ==
             Z_OK);
  }
  ~Impl() { deflateEnd(&z); }

  void Run(std::string_view chunk, int flush, std::string* out) {
    SetInput(&z, chunk);
    char buffer[kBuffer];
    do {
      z.next_out = reinterpret_cast<Bytef*>(buffer);
      z.avail_out = sizeof buffer;
      deflate(&z, flush);
      out->append(buffer, sizeof buffer - z.avail_out);
    } while (z.avail_out == 0);
  }
};

DeflateStream::DeflateStream(DeflateFormat format, int level)
    : impl_(std::make_unique<Impl>(format, level)) {}
DeflateStream::~DeflateStream() = default;
DeflateStream::DeflateStream(DeflateStream&&) noexcept = default;
DeflateStream& DeflateStream::operator=(DeflateStream&&) noexcept = default;

void DeflateStream::Write(std::string_view chunk, std::string* out) {
  for (; !chunk.empty(); chunk.remove_prefix(std::min(kMaxPiece, chunk.size()))) {
    impl_->Run(chunk.substr(0, kMaxPiece), Z_NO_FLUSH, out);
  }
}
void DeflateStream::Flush(std::string* out) { impl_->Run({}, Z_SYNC_FLUSH, out); }
void DeflateStream::Finish(std::string* out) { impl_->Run({}, Z_FINISH, out); }

struct InflateStream::Impl {
  z_stream z{};
  DeflateFormat format;
  size_t left;
  size_t limit;
  uint64_t total_in = 0;
  bool started = false;
  bool ended = false;  // at the end of a member

  Impl(DeflateFormat f, size_t max) : format(f), left(max), limit(max) {
    NX_CHECK(inflateInit2(&z, WindowBits(f)) == Z_OK);
  }
  ~Impl() { inflateEnd(&z); }

  Status Corrupt() const {
    std::string_view why = z.msg == nullptr ? "" : z.msg;
    if (why.starts_with("incorrect data") || why.starts_with("incorrect length")) {
      return InvalidArgument("{}: invalid checksum",
                             format == DeflateFormat::kGzip ? "gzip" : "zlib");
    }
    bool header = why == "incorrect header check" || why == "unknown compression method" ||
                  why == "unknown header flags set" || why == "header crc mismatch" ||
                  why == "invalid window size";
    if (header) {
      return InvalidArgument("{}: invalid header",
                             format == DeflateFormat::kGzip ? "gzip" : "zlib");
    }
    return InvalidArgument("flate: corrupt input before offset {}", total_in + z.total_in);
  }

  // Inflates until the input is used up, the member ended or the output is full.
  Status Step(std::string* out) {
    char buffer[kBuffer];
    // One byte over the limit is asked for, so that output of exactly the limit still ends well.
    z.next_out = reinterpret_cast<Bytef*>(buffer);
    z.avail_out = static_cast<uInt>(std::min(sizeof buffer, left + 1));
    uInt room = z.avail_out;
    int result = inflate(&z, Z_NO_FLUSH);
    size_t made = room - z.avail_out;
    if (made > left) return TooLarge(limit);
    left -= made;
    out->append(buffer, made);
    if (result == Z_STREAM_END) {
      ended = true;
    } else if (result != Z_OK && result != Z_BUF_ERROR) {
      return Corrupt();
    }
    return OkStatus();
  }

  Status Write(std::string_view chunk, std::string* out) {
    if (chunk.empty()) return OkStatus();
    started = true;
    SetInput(&z, chunk);
    bool full = false;
    while (z.avail_in > 0 || full) {
      if (ended) {
        if (format != DeflateFormat::kGzip) return OkStatus();  // what follows is not ours
        ended = false;
        total_in += z.total_in;
        inflateReset(&z);
      }
      NX_RETURN_IF_ERROR(Step(out));
      full = z.avail_out == 0 && !ended;
    }
    return OkStatus();
  }
};

InflateStream::InflateStream(DeflateFormat format, size_t limit)
    : impl_(std::make_unique<Impl>(format, limit)) {}
InflateStream::~InflateStream() = default;
InflateStream::InflateStream(InflateStream&&) noexcept = default;
InflateStream& InflateStream::operator=(InflateStream&&) noexcept = default;

Status InflateStream::Write(std::string_view chunk, std::string* out) {
  for (; !chunk.empty(); chunk.remove_prefix(std::min(kMaxPiece, chunk.size()))) {
    NX_RETURN_IF_ERROR(impl_->Write(chunk.substr(0, kMaxPiece), out));
  }
  return OkStatus();
}

Status InflateStream::Finish() const {
  if (!impl_->started) return InvalidArgument("EOF");
  if (!impl_->ended) return InvalidArgument("unexpected EOF");
  return OkStatus();
}

}  // namespace narthex
