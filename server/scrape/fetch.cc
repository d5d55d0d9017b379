#include "server/scrape/fetch.h"

#include "core/compress/gzip.h"
#include "core/strings/duration.h"
#include "core/strings/numbers.h"
#include "core/strings/quote.h"

namespace narthex::scrape {
namespace {

Status BodyLimitStatus() { return ResourceExhausted("{}", kBodyLimitError); }

}  // namespace

bool IsBodyLimitError(const Status& status) { return MessageOf(status) == kBodyLimitError; }

std::shared_ptr<ByteBudget> MakeBodyBudget(size_t limit) {
  if (limit == 0) return nullptr;
  return std::make_shared<ByteBudget>(
      limit, fmt::format("the bodies of all scrapes in flight may hold {} together "
                         "(--scrape.body-memory-limit)",
                         FormatSize(static_cast<int64_t>(limit))));
}

size_t BodyLimit(const config::ScrapeConfig& config, size_t default_limit) {
  return config.limits.body_size > 0 ? static_cast<size_t>(config.limits.body_size) : default_limit;
}

http::ClientRequest MakeRequest(const Target& target, const PoolSettings& settings,
                                size_t default_body_limit,
                                std::shared_ptr<ByteBudget> body_budget) {
  http::ClientRequest request;
  request.url = target.url;
  request.headers.Set("Accept", settings.accept);
  request.headers.Set("Accept-Encoding", settings.config.enable_compression ? "gzip" : "identity");
  request.headers.Set("X-Prometheus-Scrape-Timeout-Seconds",
                      FormatFloatF(static_cast<double>(target.timeout_ms) / 1000, -1));
  request.timeout = std::chrono::milliseconds(target.timeout_ms);
  // The limit is for what a body says; compressed, a small one can be larger.
  constexpr size_t kRoomForCompression = 4096;
  const size_t limit = BodyLimit(settings.config, default_body_limit);
  request.max_body_bytes = limit + limit / 64 + kRoomForCompression;
  request.body_budget = std::move(body_budget);
  request.unix_socket = target.unix_socket;
  return request;
}

Status RequestError(const Status& status) {
  return status.code() == StatusCode::kOutOfRange ? BodyLimitStatus() : status;
}

StatusOr<Body> ReadBody(const http::ClientResponse& response, const PoolSettings& settings,
                        size_t default_body_limit, std::string* storage, ByteLease* lease,
                        KnownType* known, size_t* size, std::string* warning) {
  if (response.status != 200) {
    return Unavailable("server returned HTTP status {}", response.status_line());
  }
  Body body;
  body.text = response.body;
  const size_t limit = BodyLimit(settings.config, default_body_limit);
  const std::string_view encoding = response.headers.Get("Content-Encoding");
  if (EqualsIgnoreCase(encoding, "gzip")) {
    const Status status = GzipDecompress(response.body, limit, storage, lease);
    if (lease->refused()) return status;
    if (status.code() == StatusCode::kResourceExhausted) return BodyLimitStatus();
    NX_RETURN_IF_ERROR(status);
    body.text = *storage;
  }  // nothing else was asked for: as it is
  if (body.text.size() >= limit) return BodyLimitStatus();
  *size = body.text.size();
  const std::string_view type = response.headers.Get("Content-Type");
  if (type.empty() || type != known->text) {
    NX_ASSIGN_OR_RETURN(ScrapeContent content, ParseScrapeContentType(type, settings.fallback));
    *known = {content.warning.empty() ? std::string(type) : "", content.grammar};
    *warning = std::move(content.warning);
  }
  body.grammar = known->grammar;
  return body;
}

}  // namespace narthex::scrape
