// What the client says who it is: credentials, tokens, and the rules of their configuration.
#include "core/http/client_test_util.h"
#include "core/http/credentials.h"
#include "core/http/jwt.h"

namespace narthex::http {
namespace {

TEST_CASE("credentials: files, redirects to strangers") {
  TempDir dir;
  std::string elsewhere;
  auto server = StartServer([&](const Request& request, ResponseWriter& response) {
    if (request.path == "/away") return response.Redirect(302, elsewhere);
    if (request.path == "/near") return response.Redirect(302, "/");
    response.Send(
        fmt::format("{}|{}", request.headers.Get("Authorization"), request.headers.Get("X-Key")));
  });
  elsewhere = fmt::format("http://localhost:{}/", server->ports()[0]);
  ClientRuntime runtime;
  const auto get = [&](Client& client, const std::string& path = "/") {
    const auto response = client.DoBlocking({.url = UrlOf(*server, path)});
    return response.ok() ? response->body : std::string(MessageOf(response.status()));
  };
  const std::string password = dir.Write("password", "first\n");
  const std::string key = dir.Write("key", "k1\n");
  ClientConfig config;
  config.basic_auth = ClientConfig::BasicAuth{.username = "me", .password_file = password};
  config.http_headers = {{.name = "X-Key", .files = {key}}};
  auto basic = MakeClient(runtime, config);
  CHECK(get(*basic) == BasicCredentials("me", "first") + "|k1");
  dir.Write("password", "second");
  dir.Write("key", "k2");
  CHECK(get(*basic) == BasicCredentials("me", "second") + "|k2");
  CHECK(get(*basic, "/near") == BasicCredentials("me", "second") + "|k2");
  CHECK(get(*basic, "/away") == "|");
  RunCommand("rm " + password);
  CHECK_THAT(get(*basic), Catch::Contains("unable to read basic auth password"));

  auto bearer =
      MakeClient(runtime, {.authorization = ClientConfig::Authorization{.credentials = "token"}});
  CHECK(get(*bearer) == "Bearer token|");
  auto plain = MakeClient(runtime);
  const auto in_url =
      plain->DoBlocking({.url = fmt::format("http://u:p%20w@127.0.0.1:{}/", server->ports()[0])});
  CHECK(in_url->body == BasicCredentials("u", "p w") + "|");
}

TEST_CASE("the user in a URL comes before basic_auth and authorization, behind a token") {
  std::string next;
  auto server = StartServer([&](const Request& request, ResponseWriter& response) {
    if (request.path == "/token")
      return response.Send(200, "application/json",
                           R"({"access_token":"t","token_type":"Bearer"})");
    if (request.path == "/moved") return response.Redirect(302, next);
    response.Send(std::string(request.headers.Get("Authorization")));
  });
  const int port = server->ports()[0];
  ClientRuntime runtime;
  const auto get = [&](const ClientConfig& config, const std::string& user,
                       const char* path = "/") {
    const auto response =
        MakeClient(runtime, config)
            ->DoBlocking({.url = fmt::format("http://{}127.0.0.1:{}{}", user, port, path)});
    return response.ok() ? response->body : std::string(MessageOf(response.status()));
  };
  const ClientConfig basic{.basic_auth =
                               ClientConfig::BasicAuth{.username = "me", .password = "secret"}};
  const ClientConfig bearer{.authorization = ClientConfig::Authorization{.credentials = "token"}};
  const ClientConfig oauth{.oauth2 = ClientConfig::OAuth2{.client_id = "a",
                                                          .client_secret = "b",
                                                          .token_url = UrlOf(*server, "/token")}};
  CHECK(get({}, "u:p@") == BasicCredentials("u", "p"));
  CHECK(get(basic, "u:p@") == BasicCredentials("u", "p"));
  CHECK(get(bearer, "u:p@") == BasicCredentials("u", "p"));
  CHECK(get(oauth, "u:p@") == "Bearer t");
  // A place to go to may name its own user, here and elsewhere.
  next = fmt::format("http://new:cred@127.0.0.1:{}/", port);
  CHECK(get({}, "u:p@", "/moved") == BasicCredentials("new", "cred"));
  CHECK(get(basic, "", "/moved") == BasicCredentials("new", "cred"));
  next = fmt::format("http://new:cred@localhost:{}/", port);
  CHECK(get(basic, "", "/moved") == BasicCredentials("new", "cred"));
  next = "/";
  CHECK(get(basic, "u:p@", "/moved") == BasicCredentials("u", "p"));
}

TEST_CASE("oauth2 tokens are fetched once, renewed, and their failure is told") {
  std::atomic<int> fetches{0};
  std::atomic<bool> header_allowed{true}, broken{false};
  std::atomic<int> lifetime{3600};
  std::mutex mutex;
  std::string last_form;
  auto server = StartServer([&](const Request& request, ResponseWriter& response) {
    if (request.path != "/token") {
      return response.Send(std::string(request.headers.Get("Authorization")));
    }
    ++fetches;
    {
      std::lock_guard lock(mutex);
      last_form = request.Form()->Encode();
    }
    if (broken) return response.Send(500, "text/plain", "no tokens today");
    const bool by_header = request.headers.Get("Authorization") == BasicCredentials("id", "s%2Bt");
    if (by_header != header_allowed) return response.Send(401, "application/json", "{}");
    response.Send(200, "application/json",
                  fmt::format(R"({{"access_token":"T{}","token_type":"bearer","expires_in":{}}})",
                              fetches.load(), lifetime.load()));
  });
  const auto form = [&] {
    std::lock_guard lock(mutex);
    return last_form;
  };
  ClientRuntime runtime(2);
  ClientConfig config;
  config.oauth2 = ClientConfig::OAuth2{.client_id = "id",
                                       .client_secret = "s+t",
                                       .token_url = UrlOf(*server, "/token"),
                                       .scopes = {"a", "b"},
                                       .endpoint_params = {{"audience", "x"}}};
  const auto get = [&](Client& client) {
    const auto response = client.DoBlocking({.url = UrlOf(*server)});
    return response.ok() ? response->body : std::string(MessageOf(response.status()));
  };
  auto client = MakeClient(runtime, config);
  for (int i = 0; i < 3; ++i) CHECK(get(*client) == "Bearer T1");
  CHECK(fetches == 1);
  CHECK(form() == "audience=x&grant_type=client_credentials&scope=a+b");
  header_allowed = false;
  lifetime = 5;  // always about to expire
  auto other = MakeClient(runtime, config);
  CHECK(get(*other) == "Bearer T3");
  CHECK(form() ==
        "audience=x&client_id=id&client_secret=s%2Bt&grant_type=client_credentials&scope=a+b");
  CHECK(get(*other) == "Bearer T4");
  broken = true;
  CHECK_THAT(get(*other), Catch::Contains("oauth2: cannot fetch token: 500 Internal Server Error\n"
                                          "Response: no tokens today"));
}

TEST_CASE("answers of token servers, well and badly made") {
  struct Case {
    int status;
    const char *type, *body, *want;
  };
  const Case cases[] = {
      {200, "application/json", R"({"access_token":"t"})", "Bearer t"},
      {200, "application/json", R"({"access_token":"t","token_type":"MAC","expires_in":"9"})",
       "MAC t"},
      {200, "application/json; charset=utf-8", R"({"access_token":"t","token_type":"basic"})",
       "Basic t"},
      {200, "text/plain; charset=utf-8", "access_token=a%20b&token_type=bearer&expires_in=9",
       "Bearer a b"},
      {200, "application/x-www-form-urlencoded", "access_token=t", "Bearer t"},
      {200, "application/json", "{}", "oauth2: server response missing access_token"},
      {200, "application/json", "<", "oauth2: cannot parse json: "},
      {200, "application/json", R"({"error":"slow_down"})", "oauth2: \"slow_down\""},
      {400, "application/json",
       R"({"error":"invalid_client","error_description":"who?","error_uri":"u"})",
       "oauth2: \"invalid_client\" \"who?\" \"u\""},
      {400, "text/plain", "error=invalid_scope", "oauth2: \"invalid_scope\""},
      {403, "application/json", "{}", "oauth2: cannot fetch token: 403 Forbidden\nResponse: {}"},
  };
  for (const Case& c : cases) {
    INFO(c.body);
    auto server = StartServer([&](const Request& request, ResponseWriter& response) {
      if (request.path == "/token") return response.Send(c.status, c.type, c.body);
      response.Send(std::string(request.headers.Get("Authorization")));
    });
    ClientRuntime runtime;
    ClientConfig config;
    config.oauth2 = ClientConfig::OAuth2{.client_id = "id", .token_url = UrlOf(*server, "/token")};
    const auto answer = MakeClient(runtime, config)->DoBlocking({.url = UrlOf(*server)});
    if (std::string_view(c.want).starts_with("oauth2")) {
      CHECK_THAT(std::string(MessageOf(answer.status())), Catch::Contains(c.want));
    } else {
      REQUIRE(answer.ok());
      CHECK(answer->body == c.want);
    }
  }
}

// A part of a JWT.
std::string DecodeUrlBase64(std::string text) {
  for (char& c : text) c = c == '-' ? '+' : c == '_' ? '/' : c;
  text.resize((text.size() + 3) / 4 * 4, '=');
  return Base64Decode(text).value();
}

TEST_CASE("JWT assertions are signed by the key and say who asks whom") {
  TempDir dir;
  REQUIRE(RunCommand("cd " + dir.path() +
                     " && openssl genrsa -out key.pem 2048 && openssl rsa -in key.pem -traditional "
                     "-out old.pem && openssl rsa -in key.pem -pubout -out public.pem && openssl "
                     "ecparam -name prime256v1 -genkey -noout -out ec.pem")
              .exit_code == 0);
  ClientConfig::OAuth2 config{.client_id = "me", .token_url = "http://t/"};
  config.claims = {{"n", "[1,\"x\"]"}, {"iss", "\"not this\""}};
  struct Case {
    std::string algorithm, digest, key;
  };
  for (const Case& c : {Case{"", "sha256", "key.pem"}, Case{"RS256", "sha256", "old.pem"},
                        Case{"RS384", "sha384", "key.pem"}, Case{"RS512", "sha512", "key.pem"}}) {
    INFO(c.algorithm);
    config.signature_algorithm = c.algorithm;
    const auto made = JwtAssertion(config, *ReadFile(dir.path() + "/" + c.key), "id-1", 1000);
    REQUIRE(made.ok());
    const size_t first = made->find('.'), last = made->rfind('.');
    CHECK(
        DecodeUrlBase64(made->substr(0, first)) ==
        fmt::format(R"({{"alg":"{}","typ":"JWT"}})", c.algorithm.empty() ? "RS256" : c.algorithm));
    CHECK(DecodeUrlBase64(made->substr(first + 1, last - first - 1)) ==
          R"({"aud":"http://t/","exp":1600,"iat":1000,"iss":"me","jti":"id-1","n":[1,"x"],)"
          R"("sub":"me"})");
    dir.Write("content", made->substr(0, last));
    dir.Write("signature", DecodeUrlBase64(made->substr(last + 1)));
    const auto verified = RunCommand(
        fmt::format("cd {} && openssl dgst -{} -verify public.pem -signature signature content",
                    dir.path(), c.digest));
    CHECK_THAT(verified.output, Catch::Contains("Verified OK"));
  }
  config.iss = "issuer";
  config.audience = "you";
  config.scopes = {"a", "b"};
  config.client_certificate_key_id = "k1";
  const auto made = JwtAssertion(config, *ReadFile(dir.path() + "/key.pem"), "id", 0);
  REQUIRE(made.ok());
  const size_t first = made->find('.');
  CHECK(DecodeUrlBase64(made->substr(0, first)) == R"({"alg":"RS512","kid":"k1","typ":"JWT"})");
  CHECK(DecodeUrlBase64(made->substr(first + 1, made->rfind('.') - first - 1)) ==
        R"({"aud":"you","exp":600,"iat":0,"iss":"issuer","jti":"id","n":[1,"x"],)"
        R"("scope":"a b","sub":"me"})");
  CHECK(MessageOf(JwtAssertion(config, "nonsense", "id", 0).status()) ==
        "invalid key: Key must be a PEM encoded PKCS1 or PKCS8 key");
  CHECK(MessageOf(JwtAssertion(config, *ReadFile(dir.path() + "/ec.pem"), "id", 0).status()) ==
        "key is not a valid RSA private key");
}

TEST_CASE("oauth2 by JWT: the assertion is sent, and the key read anew for each token") {
  TempDir dir;
  const std::string key = dir.path() + "/key.pem";
  std::vector<std::string> forms;  // requests are one after the other
  auto server = StartServer([&](const Request& request, ResponseWriter& response) {
    if (request.path != "/token") {
      return response.Send(std::string(request.headers.Get("Authorization")));
    }
    std::string form(request.headers.Get("Authorization"));
    const auto sent = request.Form();
    for (const auto& [name, value] : *sent) {
      form += name + "=" + (name == "assertion" ? "…" : value) + "&";
    }
    forms.push_back(std::move(form));
    response.Send(200, "application/json", R"({"access_token":"T","expires_in":1})");
  });
  ClientRuntime runtime;
  ClientConfig config;
  config.oauth2 = ClientConfig::OAuth2{.client_id = "id", .token_url = UrlOf(*server, "/token")};
  config.oauth2->grant_type = kJwtBearerGrant;
  config.oauth2->client_certificate_key_file = key;
  config.oauth2->scopes = {"s"};
  config.oauth2->endpoint_params = {{"x", "y"}};
  auto client = MakeClient(runtime, config);
  CHECK_THAT(ErrorOf(*client, {.url = UrlOf(*server)}),
             Catch::EndsWith(fmt::format("unable to read oauth2 client secret: unable to read file "
                                         "{0}: open {0}: no such file or directory",
                                         key)));
  REQUIRE(RunCommand("openssl genrsa -out " + key + " 2048").exit_code == 0);
  CHECK(client->DoBlocking({.url = UrlOf(*server)})->body == "Bearer T");
  CHECK(forms == std::vector<std::string>{
                     "assertion=…&grant_type=urn:ietf:params:oauth:grant-type:jwt-bearer&"
                     "scope=s&x=y&"});
  config.oauth2->endpoint_params = {{"scope", "y"}};
  CHECK_THAT(ErrorOf(*MakeClient(runtime, config), {.url = UrlOf(*server)}),
             Catch::EndsWith("oauth2: cannot overwrite parameter \"scope\""));
}

TEST_CASE("secrets of a manager: there is none") {
  using C = ClientConfig;
  const std::pair<ClientConfig, const char*> cases[] = {
      {{.basic_auth = C::BasicAuth{.username_ref = "r"}}, "username"},
      {{.basic_auth = C::BasicAuth{.username = "u", .password_ref = "r"}}, "password"},
      {{.authorization = C::Authorization{.credentials_ref = "r"}}, "credentials"},
      {{.oauth2 = C::OAuth2{.client_id = "i", .client_secret_ref = "r", .token_url = "http://t"}},
       "client secret"},
      {{.tls = {.ca_ref = "r"}}, "CA cert"},
      {{.tls = {.cert_file = "c", .key_ref = "r"}}, "client key"},
      {{.tls = {.key_file = "k", .cert_ref = "r"}}, "client cert"},
  };
  ClientRuntime runtime;
  for (const auto& [config, what] : cases) {
    CHECK(ValidateClientConfig(config).ok());
    CHECK(MessageOf(Client::Create(runtime, {.config = config}).status()) ==
          fmt::format("unable to use {}: cannot use secret ref without manager", what));
  }
}

TEST_CASE("exclusive keys of the client block") {
  const auto check = [](const ClientConfig& config) {
    return std::string(MessageOf(ValidateClientConfig(config)));
  };
  const ClientConfig::BasicAuth basic{.username = "u"};
  const ClientConfig::Authorization bearer{.credentials = "c"};
  const ClientConfig::OAuth2 oauth2{.client_id = "i", .token_url = "http://t"};
  CHECK(check({}).empty());
  CHECK(check({.basic_auth = basic, .authorization = bearer}) ==
        "at most one of basic_auth, oauth2 & authorization must be configured");
  CHECK(check({.authorization = bearer, .oauth2 = oauth2}) ==
        "at most one of basic_auth, oauth2 & authorization must be configured");
  CHECK_THAT(check({.basic_auth = ClientConfig::BasicAuth{.password = "a", .password_file = "b"}}),
             Catch::StartsWith("at most one of basic_auth password"));
  CHECK_THAT(check({.authorization = ClientConfig::Authorization{.type = "Basic"}}),
             Catch::Contains("authorization type cannot be set to \"basic\""));
  CHECK_THAT(check({.tls = {.cert_file = "c"}}), Catch::Contains("exactly one of key or key_file"));
  CHECK_THAT(check({.tls = {.ca = "a", .ca_file = "b"}}),
             Catch::Contains("at most one of ca, ca_file & ca_ref must"));
  CHECK_THAT(check({.basic_auth = ClientConfig::BasicAuth{.username = "b", .username_ref = "a"}}),
             Catch::StartsWith("at most one of basic_auth username"));
  ClientConfig::OAuth2 jwt = oauth2;
  jwt.grant_type = kJwtBearerGrant;
  jwt.signature_algorithm = "HS256";
  CHECK(check({.oauth2 = jwt}) == "valid signature algorithms are RS256, RS384 and RS512");
  jwt.client_certificate_key = jwt.client_certificate_key_file = "k";
  CHECK_THAT(check({.oauth2 = jwt}),
             Catch::StartsWith("at most one of oauth2 client_certificate_key"));
  CHECK_THAT(check({.no_proxy = "x"}), Catch::Contains("proxy_url must also be configured"));
  CHECK_THAT(check({.proxy_url = "http://p", .proxy_from_environment = true}),
             Catch::Contains("proxy_url must not be configured"));
  CHECK_THAT(check({.http_headers = {{.name = "host", .values = {"x"}}}}),
             Catch::Equals("setting header \"Host\" is not allowed"));
  CHECK_THAT(check({.oauth2 = ClientConfig::OAuth2{.client_id = "x"}}),
             Catch::Contains("token_url"));
}

TEST_CASE("base64") {
  const std::pair<std::string, std::string> cases[] = {
      {"", ""},        {"f", "Zg=="},          {"fo", "Zm8="},
      {"foo", "Zm9v"}, {"foobar", "Zm9vYmFy"}, {std::string("\xff\x00\xfe", 3), "/wD+"}};
  for (const auto& [plain, encoded] : cases) {
    CHECK(Base64Encode(plain) == encoded);
    CHECK(Base64Decode(encoded) == plain);
  }
  for (const char* bad : {"Zg", "Z===", "Zm9v!AAA", "Zg==Zg=="}) CHECK_FALSE(Base64Decode(bad));
}

}  // namespace
}  // namespace narthex::http
