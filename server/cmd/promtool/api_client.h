#pragma once
// Asks the HTTP API of a Prometheus and waits for the answer.
//
// Not thread-safe.

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/status.h"
#include "core/http/client.h"
#include "core/json/reader.h"

namespace narthex::promtool {

using Headers = std::vector<std::pair<std::string, std::string>>;

class ApiClient {
 public:
  // `http_config_file`: an HTTP client block, or empty.
  static StatusOr<std::unique_ptr<ApiClient>> Create(const std::string& url,
                                                     const std::string& http_config_file);
  // The body of what /api/v1/PATH answers. An error of the API is in it; statuses that come without
  // such a body are errors.
  StatusOr<std::string> Post(std::string_view path, const http::Params& form,
                             const Headers& headers = {});
  StatusOr<std::string> Get(std::string_view path, const http::Params& query);
  // Any page of the server, whatever its status.
  StatusOr<http::ClientResponse> GetPage(std::string_view path);

 private:
  explicit ApiClient(std::string url) : url_(std::move(url)), base_(url_ + "/api/v1/") {}
  StatusOr<std::string> Send(http::ClientRequest request);

  const std::string url_, base_;
  http::ClientRuntime runtime_;
  std::shared_ptr<http::Client> client_;
};

// "data" of an answer; the error it reports otherwise: "bad_data: invalid parameter …".
StatusOr<JsonValue> DataOf(std::string_view body, std::vector<std::string>* warnings = nullptr);

}  // namespace narthex::promtool
