#pragma once
// Private to the scrape parser: one text or OpenMetrics body.

#include "core/exposition/scrape_table.h"

namespace narthex {

Status ScrapeText(std::string_view body, const ScrapeOptions& options, ScrapeTable::Impl* table,
                  ScrapeWalk* walk, ScrapeSink* sink, ScrapeResult* result);
Status ScrapeProtobuf(std::string_view body, const ScrapeOptions& options, ScrapeTable::Impl* table,
                      ScrapeWalk* walk, ScrapeSink* sink, ScrapeResult* result);

}  // namespace narthex
