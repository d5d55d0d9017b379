#include "core/compress/gzip.h"

#include <libdeflate.h>

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "core/base/check.h"
#include "core/compress/limits.h"

namespace narthex {
namespace {

// Deflate's best case: a 258-byte match in two bits.
constexpr size_t kMaxDeflateRatio = 1032;
constexpr size_t kMinGzipMember = 18;
constexpr size_t kFirstGuess = 64 * 1024;

libdeflate_decompressor* Decompressor() {
  struct Deleter {
    void operator()(libdeflate_decompressor* d) const { libdeflate_free_decompressor(d); }
  };
  thread_local std::unique_ptr<libdeflate_decompressor, Deleter> decompressor(
      libdeflate_alloc_decompressor());
  NX_CHECK(decompressor != nullptr);
  return decompressor.get();
}

using DecodeFunction = libdeflate_result (*)(libdeflate_decompressor*, const void*, size_t, void*,
                                             size_t, size_t*, size_t*);

DecodeFunction DecoderOf(DeflateFormat format) {
  switch (format) {
    case DeflateFormat::kGzip: return libdeflate_gzip_decompress_ex;
    case DeflateFormat::kZlib: return libdeflate_zlib_decompress_ex;
    case DeflateFormat::kRaw: break;
  }
  return libdeflate_deflate_decompress_ex;
}

// The size the last gzip member claims to have; a hint only.
size_t ClaimedSize(std::string_view input) {
  uint32_t size = 0;
  if (input.size() >= kMinGzipMember) std::memcpy(&size, input.data() + input.size() - 4, 4);
  return size;
}

// No more than the limit, nor more than `input_size` bytes can inflate to.
size_t Cap(size_t wanted, size_t input_size, size_t limit) {
  size_t possible = input_size > limit / kMaxDeflateRatio ? limit : input_size * kMaxDeflateRatio;
  return std::min({wanted, possible, limit});
}

// What exactly is wrong with the input: the same decode again by zlib, which tells.
Status Diagnose(std::string_view input, DeflateFormat format, size_t limit) {
  InflateStream stream(format, limit);
  std::string sink;
  constexpr size_t kStep = 16 * 1024;
  for (size_t at = 0; at < input.size(); at += kStep) {
    sink.clear();
    NX_RETURN_IF_ERROR(stream.Write(input.substr(at, kStep), &sink));
  }
  NX_RETURN_IF_ERROR(stream.Finish());
  return InvalidArgument("flate: corrupt input");
}

Status Resize(size_t size, std::string* out, ByteLease* lease) {
  if (lease != nullptr && !lease->GrowTo(size)) return lease->Refusal();
  out->resize(size);
  return OkStatus();
}

// Decodes one member at input[*consumed…) to out[*produced…), growing *out as needed.
Status DecodeMember(DeflateFormat format, std::string_view input, size_t limit, std::string* out,
                    ByteLease* lease, size_t* consumed, size_t* produced) {
  std::string_view rest = input.substr(*consumed);
  while (true) {
    size_t used = 0;
    size_t made = 0;
    auto result = DecoderOf(format)(Decompressor(), rest.data(), rest.size(),
                                    out->data() + *produced, out->size() - *produced, &used, &made);
    if (result == LIBDEFLATE_SUCCESS) {
      *consumed += used;
      *produced += made;
      return OkStatus();
    }
    if (result != LIBDEFLATE_INSUFFICIENT_SPACE) return Diagnose(input, format, limit);
    if (out->size() >= limit) return TooLarge(limit);
    const size_t next = std::min(limit, std::max(kFirstGuess, out->size() * 2));
    NX_RETURN_IF_ERROR(Resize(next, out, lease));
  }
}

std::string Compress(std::string_view input, int level, DeflateFormat format) {
  struct Deleter {
    void operator()(libdeflate_compressor* c) const { libdeflate_free_compressor(c); }
  };
  std::unique_ptr<libdeflate_compressor, Deleter> compressor(libdeflate_alloc_compressor(level));
  NX_CHECK(compressor != nullptr);
  bool gzip = format == DeflateFormat::kGzip;
  std::string out;
  out.resize(gzip ? libdeflate_gzip_compress_bound(compressor.get(), input.size())
                  : libdeflate_zlib_compress_bound(compressor.get(), input.size()));
  auto compress = gzip ? libdeflate_gzip_compress : libdeflate_zlib_compress;
  out.resize(compress(compressor.get(), input.data(), input.size(), out.data(), out.size()));
  return out;
}

}  // namespace

Status GzipDecompress(std::string_view input, size_t limit, std::string* out, ByteLease* lease) {
  if (input.empty()) return InvalidArgument("EOF");
  size_t guess = Cap(ClaimedSize(input), input.size(), limit);
  // One byte more than claimed would be room nobody needs; a wrong claim costs a second decode.
  NX_RETURN_IF_ERROR(Resize(std::min(std::max(out->size(), guess), limit), out, lease));
  size_t consumed = 0;
  size_t produced = 0;
  while (consumed < input.size()) {
    NX_RETURN_IF_ERROR(
        DecodeMember(DeflateFormat::kGzip, input, limit, out, lease, &consumed, &produced));
  }
  out->resize(produced);
  return OkStatus();
}

Status GzipDecompress(std::string_view input, size_t limit, std::string* out) {
  return GzipDecompress(input, limit, out, nullptr);
}

Status DeflateDecompress(std::string_view input, size_t limit, std::string* out) {
  // A zlib header is a multiple of 31 and names method 8; raw deflate hardly ever looks so.
  bool zlib = input.size() >= 2 && (input[0] & 0x0f) == 8 &&
              (static_cast<uint8_t>(input[0]) * 256 + static_cast<uint8_t>(input[1])) % 31 == 0;
  size_t guess = Cap(input.size() * 4, input.size(), limit);
  if (out->size() < guess) out->resize(guess);
  if (out->size() > limit) out->resize(limit);
  size_t consumed = 0;
  size_t produced = 0;
  NX_RETURN_IF_ERROR(DecodeMember(zlib ? DeflateFormat::kZlib : DeflateFormat::kRaw, input, limit,
                                  out, nullptr, &consumed, &produced));
  out->resize(produced);
  return OkStatus();
}

std::string GzipCompress(std::string_view input, int level) {
  return Compress(input, level, DeflateFormat::kGzip);
}

std::string ZlibCompress(std::string_view input, int level) {
  return Compress(input, level, DeflateFormat::kZlib);
}

}  // namespace narthex
