#include "core/http/oauth2.h"

#include "core/base/clock.h"
#include "core/http/ascii.h"
#include "core/http/credentials.h"
#include "core/http/jwt.h"
#include "core/json/reader.h"
#include "core/strings/quote.h"
#include "core/tls/digest.h"

namespace narthex::http {
namespace {

using std::chrono::seconds;
using std::chrono::steady_clock;

constexpr seconds kFetchTimeout{30};
constexpr size_t kMaxAnswer = 1 << 20;
// A token is not used in its last seconds, so that it does not expire on the way.
constexpr seconds kEarly{10};

StatusOr<std::string> HeaderFromToken(const JsonValue& token) {
  const std::string& access = token["access_token"].AsString();
  if (access.empty()) return Unavailable("oauth2: server response missing access_token");
  std::string type = token["token_type"].AsString();
  if (type.empty() || EqualsIgnoreCase(type, "bearer")) type = "Bearer";
  if (EqualsIgnoreCase(type, "basic")) type = "Basic";
  return type + " " + access;
}

int64_t ExpiresIn(const JsonValue& token) {
  const JsonValue& value = token["expires_in"];
  if (value.is_number()) return value.AsInt();
  int64_t parsed = 0;
  const std::string& text = value.AsString();  // some servers quote it
  std::from_chars(text.data(), text.data() + text.size(), parsed);
  return parsed;
}

int64_t UnixSeconds() { return Clock::System().NowMs() / 1000; }

// Of version 4: random.
std::string RandomUuid() {
  std::string bytes = tls::RandomBytes(16);
  bytes[6] = static_cast<char>((bytes[6] & 0x0f) | 0x40);
  bytes[8] = static_cast<char>((bytes[8] & 0x3f) | 0x80);
  std::string out;
  for (size_t i = 0; i < bytes.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) out += '-';
    out += fmt::format("{:02x}", static_cast<unsigned char>(bytes[i]));
  }
  return out;
}

}  // namespace

StatusOr<std::string> OAuth2Source::Secret() const {
  const bool jwt = config_.grant_type == kJwtBearerGrant;
  auto secret =
      jwt ? ReadSecret(config_.client_certificate_key, config_.client_certificate_key_file)
          : ReadSecret(config_.client_secret, config_.client_secret_file);
  if (secret.ok()) return secret;
  return FailedPrecondition("unable to read {}: {}", jwt ? "client certificate" : "client secret",
                            MessageOf(secret.status()));
}

void OAuth2Source::Get(Callback callback) {
  auto secret = Secret();
  if (!secret.ok()) return callback(secret.status());
  std::string header;
  Style style = Style::kUnknown;
  bool fetch = false;
  {
    MutexLock lock(mutex_);
    if (!header_.empty() && secret_ == *secret && steady_clock::now() < expires_) {
      header = header_;
    } else {
      fetch = waiting_.empty();
      waiting_.push_back(std::move(callback));
      style = style_;
    }
  }
  if (!header.empty()) return callback(std::move(header));
  // The header first; servers that do not know it get the secret in the form.
  if (fetch) Fetch(*secret, style == Style::kForm ? Style::kForm : Style::kHeader);
}

StatusOr<ClientRequest> OAuth2Source::TokenRequest(const std::string& secret, Style style) const {
  std::map<std::string, std::string> form;
  if (!config_.scopes.empty()) form["scope"] = fmt::format("{}", fmt::join(config_.scopes, " "));
  const bool jwt = config_.grant_type == kJwtBearerGrant;
  if (jwt) {
    NX_ASSIGN_OR_RETURN(form["assertion"],
                        JwtAssertion(config_, secret, RandomUuid(), UnixSeconds()));
  }
  for (const auto& [name, value] : config_.endpoint_params) {
    if (form.contains(name)) {
      return InvalidArgument("oauth2: cannot overwrite parameter {}", GoQuote(name));
    }
    form[name] = value;
  }
  // The only one that endpoint_params may say otherwise.
  form.emplace("grant_type", jwt ? kJwtBearerGrant : "client_credentials");
  ClientRequest request;
  if (!jwt && style == Style::kHeader) {
    request.headers.Add("Authorization",
                        BasicCredentials(QueryEscape(config_.client_id), QueryEscape(secret)));
  } else if (!jwt) {
    form["client_id"] = config_.client_id;
    if (!secret.empty()) form["client_secret"] = secret;
  }
  Params params;
  for (auto& [name, value] : form) params.Add(name, std::move(value));
  request.method = "POST";
  request.url = config_.token_url;
  request.headers.Add("Content-Type", "application/x-www-form-urlencoded");
  request.body = params.Encode();
  request.timeout = kFetchTimeout;
  request.max_body_bytes = kMaxAnswer;
  return request;
}

void OAuth2Source::Fetch(const std::string& secret, Style style) {
  auto request = TokenRequest(secret, style);
  if (!request.ok()) return Finish(request.status());
  client_->Do(*std::move(request), [self = shared_from_this(), secret, style](auto answer) {
    self->OnAnswer(secret, style, std::move(answer));
  });
}

void OAuth2Source::OnAnswer(const std::string& secret, Style style,
                            StatusOr<ClientResponse> answer) {
  if (!answer.ok()) return Finish(std::move(answer).status());
  if (answer->status / 100 != 2) {
    bool retry = false;
    {
      MutexLock lock(mutex_);
      retry = style == Style::kHeader && style_ == Style::kUnknown &&
              config_.grant_type != kJwtBearerGrant;
    }
    if (retry) return Fetch(secret, Style::kForm);
    return Finish(Unavailable("oauth2: cannot fetch token: {}\nResponse: {}", answer->status_line(),
                              answer->body.substr(0, 1024)));
  }
  const auto token = ParseJson(answer->body);
  if (!token.ok()) {
    return Finish(Unavailable("oauth2: cannot parse json: {}", MessageOf(token.status())));
  }
  auto header = HeaderFromToken(*token);
  if (header.ok()) {
    const int64_t lifetime = ExpiresIn(*token);
    MutexLock lock(mutex_);
    style_ = style;
    header_ = *header;
    secret_ = secret;
    expires_ = lifetime > 0 && lifetime < (int64_t{1} << 31)
                   ? steady_clock::now() + seconds(lifetime) - kEarly
                   : TimePoint::max();
  }
  Finish(std::move(header));
}

void OAuth2Source::Finish(StatusOr<std::string> result) {
  std::vector<Callback> waiting;
  {
    MutexLock lock(mutex_);
    waiting.swap(waiting_);
  }
  for (const Callback& callback : waiting) callback(result);
}

}  // namespace narthex::http
