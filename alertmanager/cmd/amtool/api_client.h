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

// An endpoint with the answers it is known to give beside 200.
struct Operation {
  std::string_view method, path, name;
  bool bad_request = false, not_found = false, server_error = false;
  bool explains_not_found = false;  // with a text
};

inline constexpr Operation kGetStatus{"GET", "/status", "getStatus"};
inline constexpr Operation kGetAlerts{"GET", "/alerts", "getAlerts", true, false, true};
inline constexpr Operation kPostAlerts{"POST", "/alerts", "postAlerts", true, false, true};
inline constexpr Operation kGetSilences{"GET", "/silences", "getSilences", true, false, true};
inline constexpr Operation kPostSilences{"POST", "/silences", "postSilences", true, true,
                                         false,  true};
inline constexpr Operation kGetSilence{"GET", "/silence/{silenceID}", "getSilence", false, true,
                                       true};
inline constexpr Operation kDeleteSilence{
    "DELETE", "/silence/{silenceID}", "deleteSilence", false, true, true};

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
