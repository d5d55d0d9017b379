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

// The members of an answer, or the fields of one in the form of a form: some servers send that.
using Members = std::map<std::string, std::string, std::less<>>;

StatusOr<Members> MembersOf(const ClientResponse& answer) {
  Members members;
  std::string_view type = answer.headers.Get("Content-Type");
  type = Trim(type.substr(0, type.find(';')));
  if (EqualsIgnoreCase(type, "application/x-www-form-urlencoded") ||
      EqualsIgnoreCase(type, "text/plain")) {
    NX_ASSIGN_OR_RETURN(const Params form, ParseForm(answer.body));
    for (const auto& [name, value] : form) members.emplace(name, value);
    return members;
  }
  const auto json = ParseJson(answer.body);
  if (!json.ok()) {
    return Unavailable("oauth2: cannot parse json: {}", MessageOf(json.status()));
  }
  for (const char* name :
       {"access_token", "token_type", "expires_in", "error", "error_description", "error_uri"}) {
    const JsonValue& value = (*json)[name];
    // Some servers quote numbers.
    members[name] = value.is_number() ? fmt::format("{}", value.AsInt()) : value.AsString();
  }
  return members;
}

// What RFC 6749 says of a refusal: its code, and more where the server has more to say.
std::string RefusalText(const Members& members) {
  std::string text = "oauth2:";
  for (const char* name : {"error", "error_description", "error_uri"}) {
    const auto found = members.find(name);
    if (found != members.end() && !found->second.empty()) text += " " + GoQuote(found->second);
  }
  return text;
}

std::string Find(const Members& members, std::string_view name) {
  const auto found = members.find(name);
  return found == members.end() ? "" : found->second;
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
  return FailedPrecondition("unable to read oauth2 client secret: {}", MessageOf(secret.status()));
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
  // NOLINTNEXTLINE(bugprone-use-after-move): kept for later only when there is no header
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

StatusOr<OAuth2Source::Token> OAuth2Source::ReadToken(const ClientResponse& answer) const {
  const bool refused = answer.status / 100 != 2;
  const auto members = MembersOf(answer);
  const bool coded = members.ok() && !Find(*members, "error").empty();
  if (coded && config_.grant_type != kJwtBearerGrant) {
    return Unavailable("{}", RefusalText(*members));
  }
  if (refused) {
    return Unavailable("oauth2: cannot fetch token: {}\nResponse: {}", answer.status_line(),
                       answer.body.substr(0, 1024));
  }
  NX_RETURN_IF_ERROR(members.status());
  Token token;
  const std::string access = Find(*members, "access_token");
  if (access.empty()) return Unavailable("oauth2: server response missing access_token");
  std::string type = Find(*members, "token_type");
  if (type.empty() || EqualsIgnoreCase(type, "bearer")) type = "Bearer";
  if (EqualsIgnoreCase(type, "basic")) type = "Basic";
  token.header = type + " " + access;
  const std::string lifetime = Find(*members, "expires_in");
  std::from_chars(lifetime.data(), lifetime.data() + lifetime.size(), token.lifetime_seconds);
  return token;
}

void OAuth2Source::OnAnswer(const std::string& secret, Style style,
                            StatusOr<ClientResponse> answer) {
  if (!answer.ok()) return Finish(std::move(answer).status());
  const StatusOr<Token> token = ReadToken(*answer);
  if (!token.ok()) {
    bool retry = false;
    {
      MutexLock lock(mutex_);
      retry = style == Style::kHeader && style_ == Style::kUnknown &&
              config_.grant_type != kJwtBearerGrant;
    }
    if (retry) return Fetch(secret, Style::kForm);
    return Finish(token.status());
  }
  constexpr int64_t kForEver = int64_t{1} << 31;
  const int64_t lifetime = token->lifetime_seconds;
  {
    MutexLock lock(mutex_);
    style_ = style;
    header_ = token->header;
    secret_ = secret;
    expires_ = lifetime > 0 && lifetime < kForEver
                   ? steady_clock::now() + seconds(lifetime) - kEarly
                   : TimePoint::max();
  }
  Finish(token->header);
}

void OAuth2Source::Finish(const StatusOr<std::string>& result) {
  std::vector<Callback> waiting;
  {
    MutexLock lock(mutex_);
    waiting.swap(waiting_);
  }
  for (const Callback& callback : waiting) callback(result);
}

}  // namespace narthex::http
