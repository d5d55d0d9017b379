#pragma once
// OAuth 2.0, client credentials or JWT bearer: one token for all requests of a client, fetched when
// it is missing or about to expire. Requests that come meanwhile wait for the same fetch.
// Thread-safe.

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/base/mutex.h"
#include "core/http/client.h"

namespace narthex::http {

class OAuth2Source : public std::enable_shared_from_this<OAuth2Source> {
 public:
  // Receives the value for the Authorization header.
  using Callback = std::function<void(StatusOr<std::string>)>;

  OAuth2Source(ClientConfig::OAuth2 config, std::shared_ptr<Client> client)
      : config_(std::move(config)), client_(std::move(client)) {}

  // Calls back at once when a token is at hand, otherwise on an I/O thread.
  void Get(Callback callback) EXCLUDES(mutex_);

 private:
  using TimePoint = std::chrono::steady_clock::time_point;
  enum class Style { kUnknown, kHeader, kForm };

  StatusOr<std::string> Secret() const;  // or the key that signs
  void Fetch(const std::string& secret, Style style) EXCLUDES(mutex_);
  // The form and, by style, the header that says who asks.
  StatusOr<ClientRequest> TokenRequest(const std::string& secret, Style style) const;
  void OnAnswer(const std::string& secret, Style style, StatusOr<ClientResponse> answer)
      EXCLUDES(mutex_);
  // Value and lifetime of the header.
  struct Token {
    std::string header;
    int64_t lifetime_seconds = 0;  // 0: until it is refused
  };
  StatusOr<Token> ReadToken(const ClientResponse& answer) const;
  void Finish(const StatusOr<std::string>& result) EXCLUDES(mutex_);

  const ClientConfig::OAuth2 config_;
  const std::shared_ptr<Client> client_;
  Mutex mutex_;
  Style style_ GUARDED_BY(mutex_) = Style::kUnknown;  // what the server has accepted
  std::string header_ GUARDED_BY(mutex_);
  std::string secret_ GUARDED_BY(mutex_);  // the one header_ was fetched with
  TimePoint expires_ GUARDED_BY(mutex_);
  std::vector<Callback> waiting_ GUARDED_BY(mutex_);
};

}  // namespace narthex::http
