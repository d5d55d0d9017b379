// Text bodies split at 0x01, scraped one after the other by one table: each must give what the full
// parser gives. The first byte picks the dialect.
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "core/exposition/scrape_oracle.h"

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
    if (end == rest.size()) return 0;
    rest.remove_prefix(end + 1);
  }
}
