#include "core/exposition/scrape.h"

#include "core/exposition/scrape_text.h"

namespace narthex {

Status ParseScrape(std::string_view body, const ScrapeOptions& options, ScrapeTable* table,
                   ScrapeSink* sink, ScrapeResult* result) {
  result->Clear();
  ScrapeWalk walk(table->impl(), result);
  auto parse = options.grammar == ScrapeGrammar::kProtobuf ? &ScrapeProtobuf : &ScrapeText;
  // An empty body is no malformed OpenMetrics but a target without metrics.
  Status status =
      body.empty() ? OkStatus() : parse(body, options, table->impl(), &walk, sink, result);
  if (status.ok()) {
    walk.Finish();
  } else {
    walk.Abort();
  }
  return status;
}

}  // namespace narthex
