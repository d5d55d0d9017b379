#pragma once
// Native histograms as a scrape finds them, made ready for the storage.

#include <variant>

#include "core/exposition/scrape.h"
#include "core/histogram/histogram.h"
#include "server/config/config.h"
#include "server/storage/interface.h"

namespace narthex::scrape {

using AnyHistogram = std::variant<IntHistogram, FloatHistogram>;

// Converts, keeps to the job's bucket limit and smallest growth of buckets by lowering the
// resolution, and checks. An error fails the scrape, as upstream's does.
StatusOr<AnyHistogram> ConvertHistogram(const ScrapeResult::Histogram& scraped,
                                        const config::ScrapeConfig& config);

// What the job allows of a histogram that is one already: see above.
StatusOr<AnyHistogram> LimitHistogram(AnyHistogram histogram, const config::ScrapeConfig& config);

// The finest schema whose buckets grow by at least `factor` (> 1) each.
int32_t FinestSchema(double factor);

}  // namespace narthex::scrape
