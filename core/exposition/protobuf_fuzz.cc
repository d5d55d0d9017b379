// Protobuf bodies: what the family parser accepts must survive writing and reading; the scrape
// parser must find everything again when it sees the same body twice.
#include <cstdint>

#include "core/base/check.h"
#include "core/exposition/families.h"
#include "core/exposition/scrape_oracle.h"
#include "core/exposition/writer.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace narthex;
  std::string body(reinterpret_cast<const char*>(data), size);
  auto families = ParseProtobufFamilies(body);
  if (families.ok()) {
    constexpr OutputFormat kFormat{ExpositionFormat::kProtobuf, NameEscaping::kAllowUtf8};
    const std::string once = WriteFamilies(*families, kFormat);
    auto again = ParseProtobufFamilies(once);
    NX_CHECK(again.ok());
    const std::string twice = WriteFamilies(*again, kFormat);
    auto third = ParseProtobufFamilies(twice);
    NX_CHECK(third.ok());
    NX_CHECK(WriteFamilies(*third, kFormat) == twice);
  }
  for (bool native : {false, true}) {
    ScrapeTable table(7);
    RecordingSink sink;
    ScrapeResult first, second;
    ScrapeOptions options{.grammar = ScrapeGrammar::kProtobuf};
    options.native_histograms = native;
    Status status = ParseScrape(body, options, &table, &sink, &first);
    Status repeated = ParseScrape(body, options, &table, &sink, &second);
    NX_CHECK(status == repeated);
    NX_CHECK(second.added == 0 || !status.ok());
    NX_CHECK(first.samples.size() == second.samples.size());
    NX_CHECK(second.vanished.empty());
  }
  return 0;
}
