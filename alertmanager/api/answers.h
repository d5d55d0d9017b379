#pragma once
// Answers and inputs all endpoints share.

#include <string>
#include <string_view>

#include "alertmanager/matchers/matcher.h"
#include "core/base/status.h"
#include "core/http/server.h"
#include "core/json/reader.h"

namespace narthex::am {

// JSON with the API's headers.
void SendJson(const http::Request& request, http::ResponseWriter& response, int code,
              std::string body);
// A bare JSON string.
void SendError(const http::Request& request, http::ResponseWriter& response, int code,
               std::string_view message);
// {"code":…,"message":…}; some codes go out under another HTTP status (602 as 422).
void SendFrameworkError(const http::Request& request, http::ResponseWriter& response, int code,
                        std::string_view message);
void SendEmpty(const http::Request& request, http::ResponseWriter& response, int code);

// A browser asks whether a page of another origin may send a request: GET and POST may be sent from
// anywhere.
bool IsPreflight(const http::Request& request);
void AnswerPreflight(const http::Request& request, http::ResponseWriter& response);

// The body as JSON, checked for its media type; false after an error was sent. `what` names the
// body in errors ("alerts").
bool ReadJsonBody(const http::Request& request, http::ResponseWriter& response,
                  std::string_view what, JsonValue* out);

// true, 1, yes, ok, y, on, selected, checked, t, enabled; anything else given is false.
bool BoolParameter(const http::Request& request, std::string_view name, bool otherwise);
// The parameters `filter` and `receiver_matchers`, one matcher each.
StatusOr<Matchers> FilterParameter(const http::Request& request);
StatusOr<Matchers> ReceiverMatchers(const http::Request& request);
bool IsUuid(std::string_view text);

}  // namespace narthex::am
