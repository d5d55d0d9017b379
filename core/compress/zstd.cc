#include "core/compress/zstd.h"

#include <zstd.h>

#include <algorithm>
#include <memory>

#include "core/base/check.h"
#include "core/compress/limits.h"

namespace narthex {
namespace {

constexpr int kMaxWindowLog = 23;
constexpr size_t kFirstGuess = 64 * 1024;

struct Deleter {
  void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
};

}  // namespace

Status ZstdDecompress(std::string_view input, size_t limit, std::string* out) {
  out->clear();
  if (input.empty()) return InvalidArgument("EOF");
  std::unique_ptr<ZSTD_DCtx, Deleter> context(ZSTD_createDCtx());
  NX_CHECK(context != nullptr);
  ZSTD_DCtx_setParameter(context.get(), ZSTD_d_windowLogMax, kMaxWindowLog);
  ZSTD_inBuffer in{input.data(), input.size(), 0};
  size_t produced = 0;
  size_t pending = 0;
  while (true) {
    if (out->size() - produced == 0) {
      // One byte past the limit, so that output of exactly the limit can be told from too much.
      out->resize(std::min(limit + 1, std::max(kFirstGuess, out->size() * 2)));
    }
    ZSTD_outBuffer o{out->data(), out->size(), produced};
    pending = ZSTD_decompressStream(context.get(), &o, &in);
    if (ZSTD_isError(pending)) return InvalidArgument("zstd: {}", ZSTD_getErrorName(pending));
    produced = o.pos;
    if (produced > limit) return TooLarge(limit);
    // Output room left over means that everything decodable has been written.
    if (in.pos == in.size && o.pos < o.size) break;
  }
  if (pending != 0) return InvalidArgument("unexpected EOF");
  out->resize(produced);
  return OkStatus();
}

std::string ZstdCompress(std::string_view input, int level) {
  std::string out;
  out.resize(ZSTD_compressBound(input.size()));
  size_t size = ZSTD_compress(out.data(), out.size(), input.data(), input.size(), level);
  NX_CHECK(!ZSTD_isError(size));
  out.resize(size);
  return out;
}

}  // namespace narthex
