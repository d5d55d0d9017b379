#include "alertmanager/api/answers.h"

#include <algorithm>

#include "core/json/writer.h"
#include "core/strings/quote.h"

namespace narthex::am {
namespace {

void SetHeaders(const http::Request& request, http::ResponseWriter& response) {
  http::Headers& headers = response.headers();
  headers.Set("Cache-Control", "no-store");
  headers.Set("Vary", "Origin");
  if (request.headers.Has("Origin")) headers.Set("Access-Control-Allow-Origin", "*");
}

// Browsers send names in lower case, sorted, once each.
bool MayAskWith(std::string_view names) {
  constexpr std::string_view kAllowed[] = {"accept", "content-type", "x-requested-with"};
  const auto* next = std::begin(kAllowed);
  while (!names.empty()) {
    const size_t end = names.find(',');
    next = std::find(next, std::end(kAllowed), names.substr(0, end));
    if (next++ == std::end(kAllowed)) return false;
    names = end == std::string_view::npos ? std::string_view() : names.substr(end + 1);
  }
  return true;
}

StatusOr<Matchers> ParseEach(const std::vector<std::string>& texts) {
  Matchers all;
  for (const std::string& text : texts) {
    NX_ASSIGN_OR_RETURN(Matcher parsed, ParseMatcher(text));
    all.push_back(std::move(parsed));
  }
  return all;
}

}  // namespace

bool IsPreflight(const http::Request& request) {
  return request.method == "OPTIONS" && request.headers.Has("Access-Control-Request-Method");
}

void AnswerPreflight(const http::Request& request, http::ResponseWriter& response) {
  http::Headers& headers = response.headers();
  headers.Remove("Allow");
  headers.Set("Vary", "Origin, Access-Control-Request-Method, Access-Control-Request-Headers");
  const std::string method(request.headers.Get("Access-Control-Request-Method"));
  const std::string names(request.headers.Get("Access-Control-Request-Headers"));
  const bool known = method == "GET" || method == "POST" || method == "HEAD";
  if (known && request.headers.Has("Origin") && MayAskWith(names)) {
    headers.Set("Access-Control-Allow-Origin", "*");
    headers.Set("Access-Control-Allow-Methods", method);
    if (!names.empty()) headers.Set("Access-Control-Allow-Headers", names);
  }
  response.SetStatus(204);
  response.Send("");
}

void SendJson(const http::Request& request, http::ResponseWriter& response, int code,
              std::string body) {
  SetHeaders(request, response);
  response.Send(code, "application/json", std::move(body));
}

void SendError(const http::Request& request, http::ResponseWriter& response, int code,
               std::string_view message) {
  std::string body;
  AppendJsonString(&body, message);
  SendJson(request, response, code, body + "\n");
}

void SendFrameworkError(const http::Request& request, http::ResponseWriter& response, int code,
                        std::string_view message) {
  std::string body;
  JsonWriter(&body).BeginObject().Key("code").Int(code).Member("message", message).EndObject();
  SendJson(request, response, code >= 600 ? 422 : code, std::move(body));
}

void SendEmpty(const http::Request& request, http::ResponseWriter& response, int code) {
  SetHeaders(request, response);
  response.SetStatus(code);
  response.Send("");
}

bool ReadJsonBody(const http::Request& request, http::ResponseWriter& response,
                  std::string_view what, JsonValue* out) {
  const std::string_view media = request.headers.Get("Content-Type");
  const std::string_view type = TrimSpace(media.substr(0, media.find(';')));
  if (!type.empty() && !EqualsIgnoreCase(type, "application/json")) {
    SendFrameworkError(request, response, 415,
                       fmt::format("unsupported media type {}, only [application/json] are allowed",
                                   GoQuote(type)));
    return false;
  }
  if (TrimSpace(request.body).empty()) {
    SendFrameworkError(request, response, 602, fmt::format("{} in body is required", what));
    return false;
  }
  StatusOr<JsonValue> parsed = ParseJson(request.body);
  if (!parsed.ok()) {
    SendFrameworkError(request, response, 400,
                       fmt::format("parsing {} body from \"\" failed, because {}", what,
                                   MessageOf(parsed.status())));
    return false;
  }
  *out = *std::move(parsed);
  return true;
}

bool BoolParameter(const http::Request& request, std::string_view name, bool otherwise) {
  if (!request.query.Has(name)) return otherwise;
  static constexpr std::string_view kTrue[] = {"true", "1",        "yes",     "ok", "y",
                                               "on",   "selected", "checked", "t",  "enabled"};
  const std::string value = ToLowerAscii(request.query.Get(name));
  return std::find(std::begin(kTrue), std::end(kTrue), value) != std::end(kTrue);
}

StatusOr<Matchers> FilterParameter(const http::Request& request) {
  return ParseEach(request.query.GetAll("filter"));
}

StatusOr<Matchers> ReceiverMatchers(const http::Request& request) {
  StatusOr<Matchers> matchers = ParseEach(request.query.GetAll("receiver_matchers"));
  if (!matchers.ok()) return Annotate(matchers.status(), "failed to parse receiver_matchers param");
  return matchers;
}

bool IsUuid(std::string_view text) {
  if (text.size() != 36) return false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    const bool hex = (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f');
    if (dash ? c != '-' : !hex) return false;
  }
  return true;
}

}  // namespace narthex::am
