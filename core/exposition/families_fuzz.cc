// The strict text parser, with its writers: what it accepts must read back as written. Also the
// header parsers, which see bytes from the network as well.
#include <cstdint>

#include "core/base/check.h"
#include "core/exposition/families.h"
#include "core/exposition/format.h"
#include "core/exposition/writer.h"

namespace narthex {
namespace {

constexpr OutputFormat kText{ExpositionFormat::kText100, NameEscaping::kAllowUtf8};

void CheckRoundTrip(const std::vector<MetricFamily>& families) {
  const std::string written = WriteFamilies(families, kText);
  auto again = ParseTextFamilies(written);
  // A family named like a series of another one (h_sum beside h) is not told apart once written.
  if (!again.ok()) return;
  const std::string twice = WriteFamilies(*again, kText);
  auto third = ParseTextFamilies(twice);
  NX_CHECK(third.ok());
  NX_CHECK(third->size() <= again->size());
}

}  // namespace
}  // namespace narthex

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace narthex;
  std::string body(reinterpret_cast<const char*>(data), size);
  (void)NegotiateFormat(body, true);
  (void)ParseScrapeContentType(body, ExpositionFormat::kText004);
  (void)ParseTextFamilies(body, NameValidation::kLegacy);
  auto families = ParseTextFamilies(body);
  if (!families.ok()) return 0;
  CheckRoundTrip(*families);
  for (auto format : {ExpositionFormat::kOpenMetrics100, ExpositionFormat::kProtobuf}) {
    for (auto escaping : {NameEscaping::kUnderscores, NameEscaping::kDots, NameEscaping::kValues}) {
      (void)WriteFamilies(*families, {format, escaping});
    }
  }
  return 0;
}
