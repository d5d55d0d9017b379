#pragma once
// One scrape on the wire: the request for a target, and the body out of the response.

#include <string>
#include <string_view>

#include "core/base/status.h"
#include "core/exposition/format.h"
#include "core/http/client.h"
#include "server/scrape/settings.h"
#include "server/scrape/target.h"

namespace narthex::scrape {

inline constexpr std::string_view kBodyLimitError = "body size limit exceeded";
bool IsBodyLimitError(const Status& status);

// The bytes a body may have, compressed or not.
size_t BodyLimit(const config::ScrapeConfig& config, size_t default_limit);

http::ClientRequest MakeRequest(const Target& target, const PoolSettings& settings,
                                size_t default_body_limit);

// The error of a request as it stands in lastError: Get "http://…": ….
Status RequestError(const Status& status, const std::string& url);

struct Body {
  std::string_view text;  // into the response or into *storage
  ScrapeGrammar grammar = ScrapeGrammar::kText;
};
// Checks status and type, decompresses. *warning: why a fallback protocol was used.
StatusOr<Body> ReadBody(const http::ClientResponse& response, const PoolSettings& settings,
                        size_t default_body_limit, std::string* storage, std::string* warning);

}  // namespace narthex::scrape
