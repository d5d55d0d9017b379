#pragma once
// Asks the API, version 2, of an Alertmanager and waits for the answer. Errors read as those of
// upstream's generated client: [GET /alerts][400] getAlertsBadRequest "bad matcher format: a".
//
// Thread safety: Call may run on any thread.

#include <memory>
#include <string>
#include <string_view>

#include "alertmanager/cmd/amtool/settings.h"
#include "core/base/status.h"
#include "core/http/client.h"
#include "core/json/reader.h"

namespace narthex::am {

// An endpoint with what it answers, and the refusals it is known to give.
struct Operation {
  std::string_view method, path, name;
  JsonValue::Type answer = JsonValue::Type::kNull;
  bool bad_request = false, not_found = false, server_error = false;
  bool explains_not_found = false;  // with a text
};

inline constexpr Operation kGetStatus{"GET", "/status", "getStatus", JsonValue::Type::kObject};
inline constexpr Operation kGetAlerts{.method = "GET",
                                      .path = "/alerts",
                                      .name = "getAlerts",
                                      .answer = JsonValue::Type::kArray,
                                      .bad_request = true,
                                      .server_error = true};
inline constexpr Operation kPostAlerts{.method = "POST",
                                       .path = "/alerts",
                                       .name = "postAlerts",
                                       .bad_request = true,
                                       .server_error = true};
inline constexpr Operation kGetSilences{.method = "GET",
                                        .path = "/silences",
                                        .name = "getSilences",
                                        .answer = JsonValue::Type::kArray,
                                        .bad_request = true,
                                        .server_error = true};
inline constexpr Operation kPostSilences{.method = "POST",
                                         .path = "/silences",
                                         .name = "postSilences",
                                         .answer = JsonValue::Type::kObject,
                                         .bad_request = true,
                                         .not_found = true,
                                         .explains_not_found = true};
inline constexpr Operation kGetSilence{.method = "GET",
                                       .path = "/silence/{silenceID}",
                                       .name = "getSilence",
                                       .answer = JsonValue::Type::kObject,
                                       .not_found = true,
                                       .server_error = true};
inline constexpr Operation kDeleteSilence{.method = "DELETE",
                                          .path = "/silence/{silenceID}",
                                          .name = "deleteSilence",
                                          .not_found = true,
                                          .server_error = true};

class ApiClient {
 public:
  // Warns on stderr when the server is of another minor version, unless told not to look.
  static StatusOr<std::unique_ptr<ApiClient>> Create(const Settings& settings);

  struct Arguments {
    std::string id;  // in place of {silenceID}
    http::Params query;
    std::string body;  // JSON
  };
  // The answer's document; null when it has none. NotFound for 404.
  StatusOr<JsonValue> Call(const Operation& operation, const Arguments& arguments);
  StatusOr<JsonValue> Call(const Operation& operation) { return Call(operation, Arguments()); }

 private:
  explicit ApiClient(const Settings& settings) : settings_(settings) {}
  void CheckVersion();

  const Settings& settings_;
  http::Url base_;
  http::ClientRuntime runtime_;
  std::shared_ptr<http::Client> client_;
};

}  // namespace narthex::am
