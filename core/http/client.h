#pragma once
// The asynchronous HTTP client: scrapes, discovery, notifications, remote write.
//
// One Client per HTTP client block of a configuration: it owns the keep-alive pool, TLS state and
// credentials of that block. All clients share the I/O threads of a ClientRuntime; thousands of
// requests in flight cost no thread each. Callbacks run on an I/O thread and must not block: hand
// the result to a pool.

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/byte_budget.h"
#include "core/base/status.h"
#include "core/http/types.h"

namespace narthex {
class Registry;
}

namespace narthex::http {

class BodyPool;
class BodyStream;
class Cancellation;

struct TlsConfig {
  std::string ca, ca_file, cert, cert_file, key, key_file, server_name, min_version, max_version;
  std::string ca_ref, cert_ref, key_ref;
  bool insecure_skip_verify = false;
  friend bool operator==(const TlsConfig&, const TlsConfig&) = default;
};

// The keys that every HTTP client of a configuration file has, as plain values. core/config decodes
// and prints them.
// What is named *_ref is to come from a secret manager; as in Prometheus there is none, and no
// client is made for such a block.
struct ClientConfig {
  struct BasicAuth {
    std::string username, username_file, username_ref, password, password_file, password_ref;
    friend bool operator==(const BasicAuth&, const BasicAuth&) = default;
  };
  struct Authorization {
    std::string type = "Bearer", credentials, credentials_file, credentials_ref;
    friend bool operator==(const Authorization&, const Authorization&) = default;
  };
  struct OAuth2 {
    std::string client_id, client_secret, client_secret_file, client_secret_ref, token_url;
    // "": client_credentials. With kJwtBearerGrant (jwt.h) the key signs, and there is no secret.
    std::string grant_type;
    std::string client_certificate_key, client_certificate_key_file, client_certificate_key_ref;
    std::string client_certificate_key_id, signature_algorithm, iss, audience;
    std::map<std::string, std::string> claims;  // name -> JSON
    std::vector<std::string> scopes;
    std::vector<std::pair<std::string, std::string>> endpoint_params;
    TlsConfig tls;
    std::string proxy_url, no_proxy;
    bool proxy_from_environment = false;
    friend bool operator==(const OAuth2&, const OAuth2&) = default;
  };
  struct Header {
    std::string name;
    std::vector<std::string> values, secrets, files;
    friend bool operator==(const Header&, const Header&) = default;
  };
  std::optional<BasicAuth> basic_auth;
  std::optional<Authorization> authorization;
  std::optional<OAuth2> oauth2;
  TlsConfig tls;
  bool follow_redirects = true;
  bool enable_http2 = true;  // accepted; answered with HTTP/1.1
  std::string proxy_url, no_proxy;
  bool proxy_from_environment = false;
  std::vector<Header> proxy_connect_headers;
  std::vector<Header> http_headers;
  friend bool operator==(const ClientConfig&, const ClientConfig&) = default;
};

struct ClientRequest {
  std::string method = "GET";
  std::string url;
  Headers headers;
  std::string body;
  std::chrono::milliseconds timeout{10'000};  // whole exchange, redirects included
  size_t max_body_bytes = 64 << 20;           // of the body as received; 0 = no limit
  // What the body's bytes are counted against, beside the limit of its own; null for nothing.
  std::shared_ptr<ByteBudget> body_budget;
  std::string unix_socket;   // dial this instead of the URL's host
  bool decode_gzip = false;  // inflate a gzip answer, still under max_body_bytes
  // Where memory for the body comes from, once the answer does; the caller puts it back. May be
  // null.
  std::shared_ptr<BodyPool> bodies;
  // The body in pieces instead of as a whole (client_stream.h). Not with decode_gzip.
  std::shared_ptr<BodyStream> stream;
  // For who may lose interest before the end; null for others. A stream has its own.
  std::shared_ptr<Cancellation> cancellation;
};

struct PreparedRequest;

struct ClientResponse {
  int status = 0;
  Headers headers;
  std::string body;
  std::string status_text;          // as the server said it, when that is not the usual text
  std::string url;                  // after redirects
  ByteLease body_lease;             // what the body holds of the request's budget
  std::string status_line() const;  // "503 Service Unavailable"
};

class ClientRuntime {
 public:
  // With a registry, which outlives it, the connections of named clients are counted there
  // (dial_metrics.h).
  explicit ClientRuntime(int io_threads = 1, std::string name = "http-client",
                         Registry* registry = nullptr);
  ~ClientRuntime();  // cancels what is in flight
  struct Impl;
  Impl& impl() { return *impl_; }

 private:
  std::unique_ptr<Impl> impl_;
};

class Client {
 public:
  using Callback = std::function<void(StatusOr<ClientResponse>)>;
  struct Options {
    ClientConfig config;
    std::string name;  // what its connections are counted as; "" for not at all
    std::string user_agent;
    size_t max_idle_connections_per_host = 2;
    std::chrono::milliseconds idle_timeout{300'000};
    bool keep_alive = true;
  };
  // Fails on unreadable certificates and the like.
  static StatusOr<std::shared_ptr<Client>> Create(ClientRuntime& runtime, Options options);
  virtual ~Client() = default;

  // The answer's status is what counts when it is no success: its body may be cut off then, where
  // it is too large, malformed or does not come to its end.
  // Never blocks. The callback runs exactly once, also on cancellation and shutdown. Errors:
  // DeadlineExceeded ("context deadline exceeded"), OutOfRange (body limit), ResourceExhausted
  // (body budget), Unavailable (network, with Go's "dial tcp 1.2.3.4:80: connect: connection
  // refused" wording where it applies), Cancelled (shutdown). What fails before the answer's
  // headers are complete is wrapped as Go's url.Error: `Get "http://host/path": dial tcp …`, with
  // the password of the URL hidden.
  void Do(ClientRequest request, Callback callback) {
    Do(Prepare(std::move(request)), std::move(callback));
  }
  // For requests that are sent again and again.
  virtual std::shared_ptr<const PreparedRequest> Prepare(ClientRequest request) const = 0;
  virtual void Do(std::shared_ptr<const PreparedRequest> request, Callback callback) = 0;
  // Blocks the calling thread. Must not be called on an I/O thread.
  StatusOr<ClientResponse> DoBlocking(ClientRequest request);
};

// Exclusivity and completeness rules of the block, in upstream's wording.
Status ValidateClientConfig(const ClientConfig& config);

}  // namespace narthex::http
