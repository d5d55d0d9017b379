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

// The memory all bodies in flight share; null for a limit of 0.
std::shared_ptr<ByteBudget> MakeBodyBudget(size_t limit);

// The bytes a body may have, compressed or not.
size_t BodyLimit(const config::ScrapeConfig& config, size_t default_limit);

http::ClientRequest MakeRequest(const Target& target, const PoolSettings& settings,
                                size_t default_body_limit, std::shared_ptr<ByteBudget> body_budget);

// The error of a request as it stands in lastError. Before the answer's head it names the URL (Get
// "http://…": …), behind it not.
Status RequestError(const Status& status);

struct Body {
  std::string_view text;  // into the response or into *storage
  ScrapeGrammar grammar = ScrapeGrammar::kText;
};
// The Content-Type a target gave last, if it is one that needs no fallback.
struct KnownType {
  std::string text;
  ScrapeGrammar grammar = ScrapeGrammar::kText;
};
// Checks status and type, decompresses; *lease holds what that takes. *size: of the body, when it
// is there, whatever its type. *warning: why a fallback protocol was used.
StatusOr<Body> ReadBody(const http::ClientResponse& response, const PoolSettings& settings,
                        size_t default_body_limit, std::string* storage, ByteLease* lease,
                        KnownType* known, size_t* size, std::string* warning);

}  // namespace narthex::scrape
