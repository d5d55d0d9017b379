#pragma once
// Answers in JSON of the services that discovery asks.

#include <string_view>

#include "core/base/status.h"
#include "core/http/client.h"
#include "core/json/reader.h"

namespace narthex::discovery {

// More than any catalogue holds; a service that sends more is broken.
inline constexpr JsonLimits kAnswerLimits = {
    .max_bytes = 64 << 20, .max_depth = 64, .max_values = 8'000'000};

// The document of an answer with the status 200.
inline StatusOr<JsonValue> ReadJsonAnswer(const StatusOr<http::ClientResponse>& response) {
  if (!response.ok()) return response.status();
  if (response->status != 200) {
    constexpr size_t kShown = 200;
    return Unavailable("Unexpected response code: {} ({})", response->status,
                       std::string_view(response->body).substr(0, kShown));
  }
  return ParseJson(response->body, kAnswerLimits);
}

}  // namespace narthex::discovery
