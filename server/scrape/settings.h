#pragma once
// What all loops of a pool share until the next reload. Immutable.

#include <memory>
#include <optional>
#include <string>

#include "core/exposition/format.h"
#include "core/http/client.h"
#include "core/labels/relabel.h"
#include "server/config/config.h"
#include "server/scrape/failure_log.h"

namespace narthex::scrape {

struct PoolSettings {
  config::ScrapeConfig config;
  RelabelRules target_rules;
  RelabelRules metric_rules;
  std::shared_ptr<http::Client> client;
  std::string accept;
  std::optional<ExpositionFormat> fallback;
  std::shared_ptr<FailureLog> failure_log;  // may be null
  // Differs when the text of a line no longer means the same series.
  uint64_t series_generation = 0;
};

// Compiles a job. What did not change against `previous` (null: nothing) is taken over: the HTTP
// client with its connections, the generation of the series.
StatusOr<std::shared_ptr<PoolSettings>> MakeSettings(const config::ScrapeConfig& config,
                                                     const PoolSettings* previous,
                                                     http::ClientRuntime& runtime,
                                                     const std::string& user_agent);

// Does every line stand for the same series under both?
bool SameSeries(const config::ScrapeConfig& a, const config::ScrapeConfig& b);

}  // namespace narthex::scrape
