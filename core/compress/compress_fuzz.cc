// The first byte picks the decoder; whatever it accepts must survive a round trip.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "core/base/check.h"
#include "core/compress/gzip.h"
#include "core/compress/snappy.h"
#include "core/compress/zstd.h"

namespace narthex {
namespace {

constexpr size_t kLimit = 1 << 20;

void FuzzGzip(std::string_view input) {
  std::string whole;
  Status status = GzipDecompress(input, kLimit, &whole);
  InflateStream stream(DeflateFormat::kGzip, kLimit);
  std::string pieces;
  Status streamed = OkStatus();
  for (size_t at = 0; streamed.ok() && at < input.size(); at += 7) {
    streamed = stream.Write(input.substr(at, 7), &pieces);
  }
  if (streamed.ok()) streamed = stream.Finish();
  if (status.ok() && streamed.ok()) NX_CHECK(whole == pieces);
  if (status.ok()) {
    std::string again;
    NX_CHECK(GzipDecompress(GzipCompress(whole), kLimit, &again).ok() && again == whole);
  }
}

void Run(uint8_t which, std::string_view input) {
  std::string out;
  switch (which % 5) {
    case 0: FuzzGzip(input); break;
    case 1: (void)DeflateDecompress(input, kLimit, &out); break;
    case 2: (void)SnappyDecompress(input, kLimit, &out); break;
    case 3:
      if (SnappyFramedDecompress(input, kLimit, &out).ok()) {
        std::string again;
        NX_CHECK(SnappyFramedDecompress(SnappyFramedCompress(out), kLimit, &again).ok());
        NX_CHECK(again == out);
      }
      break;
    case 4: (void)ZstdDecompress(input, kLimit, &out); break;
  }
  NX_CHECK(out.size() <= kLimit + 1);
}

}  // namespace
}  // namespace narthex

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size > 0) narthex::Run(data[0], {reinterpret_cast<const char*>(data) + 1, size - 1});
  return 0;
}
