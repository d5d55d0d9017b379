#pragma once
// One API server: single requests, and the streams that reflectors read.
//
// Thread safety: all methods. The blocking ones must not be called on an I/O thread of the
// ClientRuntime; callbacks run on one.

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/status.h"
#include "core/http/client.h"
#include "core/http/client_stream.h"
#include "core/json/reader.h"
#include "core/kube/config.h"

namespace narthex::kube {

class Api {
 public:
  // Told of every answer when it has ended: the path without query, the status (0 when there was no
  // answer), the time it took; -1 of a watch, whose length says nothing.
  using Observer = std::function<void(std::string_view path, int status, double seconds)>;

  struct Options {
    ApiConfig config;
    std::string client_name;  // as http::Client::Options::name
    std::string user_agent;
    std::chrono::milliseconds timeout{30'000};  // of a single request; of the head of a stream
    size_t max_body_bytes = 64 << 20;           // of a single answer
    Observer observer;                          // called on an I/O thread
  };

  // `runtime` outlives the Api. Fails on unreadable certificates and the like.
  static StatusOr<std::shared_ptr<Api>> Create(http::ClientRuntime& runtime, Options options);

  // `path` is absolute and may hold a query: "/apis/apps/v1/namespaces/x/statefulsets/y". An
  // answer of 400 and above is the status that ErrorOfAnswer makes of it.
  StatusOr<JsonValue> Get(std::string_view path);
  StatusOr<JsonValue> Post(std::string_view path, std::string json);
  // The body as it is, of any type: /version, /livez. `timeout` 0 stands for the usual one.
  StatusOr<std::string> GetText(std::string_view path, std::chrono::milliseconds timeout = {});

  // The body of a 2xx answer goes to the stream's sink.
  void Stream(std::string_view path, std::shared_ptr<http::BodyStream> stream,
              http::Client::Callback callback);

  const ApiConfig& config() const { return options_.config; }

 private:
  Api(Options options, std::shared_ptr<http::Client> client)
      : options_(std::move(options)), client_(std::move(client)) {}
  http::ClientRequest Request(std::string_view path) const;
  StatusOr<http::ClientResponse> Send(http::ClientRequest request);
  void Observe(std::string_view path, int status, double seconds) const;

  const Options options_;
  const std::shared_ptr<http::Client> client_;
};

// NotFound, PermissionDenied (401 and 403), ResourceExhausted (429), Unavailable (5xx), … with the
// message of the API server's Status object where the body is one.
Status ErrorOfAnswer(const http::ClientResponse& response);

}  // namespace narthex::kube
