// Text bodies split at 0x01, scraped one after the other by one table: each must give what the full
// parser gives. The first byte picks the dialect. Start timestamps are found in passing: the same
// ones whether the series are known or not.
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "core/exposition/scrape_oracle.h"

namespace narthex {
namespace {

// What is found of a body whose series the table does not know, and then does.
bool FindsSameStarts(const std::string& body) {
  ScrapeOptions options{.grammar = ScrapeGrammar::kOpenMetrics};
  options.starts = true;
  ScrapeTable table(42);
  RecordingSink sink;
  ScrapeResult first, second;
  const bool ok = ParseScrape(body, options, &table, &sink, &first).ok();
  if (ParseScrape(body, options, &table, &sink, &second).ok() != ok) return false;
  if (!ok) return true;
  if (first.starts.size() != second.starts.size()) return false;
  for (size_t i = 0; i < first.starts.size(); ++i) {
    if (first.starts[i].slot != second.starts[i].slot) return false;
    if (first.starts[i].start_ms != second.starts[i].start_ms) return false;
  }
  return first.starts.size() <= first.samples.size();
}

}  // namespace
}  // namespace narthex

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace narthex;
  if (size == 0) return 0;
  ScrapedTarget target(data[0] % 2 == 0 ? TextDialect::kText : TextDialect::kOpenMetrics);
  std::string_view rest(reinterpret_cast<const char*>(data) + 1, size - 1);
  while (true) {
    const size_t end = std::min(rest.find('\x01'), rest.size());
    // Twice, so that every body is also predicted.
    for (int i = 0; i < 2; ++i) {
      // A copy of its own lets the sanitizer see reads past the end.
      std::string difference = target.ScrapeAndCompare(std::string(rest.substr(0, end)));
      if (!difference.empty()) {
        std::fputs(difference.c_str(), stderr);
        std::abort();
      }
    }
    if (data[0] % 2 != 0 && !FindsSameStarts(std::string(rest.substr(0, end)))) std::abort();
    if (end == rest.size()) return 0;
    rest.remove_prefix(end + 1);
  }
}
