// Requests over TLS.
#include "core/http/client_test_util.h"

namespace narthex::http {
namespace {

TEST_CASE("https: trust, names, client certificates, reload") {
  TempDir dir;
  MakeCertificates(dir);
  const std::string base = "tls_server_config:\n  cert_file: server.pem\n  key_file: server.key\n";
  auto server =
      StartServer([](const Request&, ResponseWriter& response) { response.Send("secret"); },
                  {.web_config_file = dir.Write("web.yml", base)});
  const auto url = [&](const std::string& host) {
    return fmt::format("https://{}:{}/", host, server->ports()[0]);
  };
  ClientRuntime runtime;
  const auto get = [&](Client& client, const std::string& host) {
    const auto response = client.DoBlocking({.url = url(host)});
    return response.ok() ? response->body : std::string(MessageOf(response.status()));
  };
  CHECK(get(*MakeClient(runtime), "localhost") ==
        fmt::format("Get \"{}\": tls: failed to verify certificate: x509: certificate signed by "
                    "unknown authority",
                    url("localhost")));
  CHECK(get(*MakeClient(runtime, {.tls = {.insecure_skip_verify = true}}), "localhost") ==
        "secret");
  const TlsConfig trust{.ca_file = dir.path() + "/ca.pem"};
  auto client = MakeClient(runtime, {.tls = trust});
  CHECK(get(*client, "localhost") == "secret");
  CHECK(get(*client, "127.0.0.1") == "secret");
  TlsConfig named = trust;
  named.server_name = "other.example";
  CHECK_THAT(get(*MakeClient(runtime, {.tls = named}), "localhost"),
             Catch::Contains("x509: certificate is valid for localhost, not other.example"));
  TlsConfig old = trust;
  old.max_version = "TLS12";
  CHECK(get(*MakeClient(runtime, {.tls = old}), "localhost") == "secret");

  dir.Write("web.yml", base +
                           "  client_auth_type: RequireAndVerifyClientCert\n"
                           "  client_ca_file: ca.pem\n");
  CHECK_THAT(get(*MakeClient(runtime, {.tls = trust}), "localhost"),
             Catch::Contains("remote error: tls: "));
  TlsConfig mutual = trust;
  mutual.cert_file = dir.path() + "/mine.pem";
  mutual.key_file = dir.path() + "/mine.key";
  const auto install = [&](const std::string& name) {
    RunCommand(
        fmt::format("cd {0} && cp {1}.pem mine.pem && cp {1}.key mine.key", dir.path(), name));
  };
  install("client");
  auto own = Client::Create(runtime, {.config = {.tls = mutual}, .keep_alive = false});
  REQUIRE(own.ok());
  CHECK(get(**own, "localhost") == "secret");
  // Connections that are kept do not outlive the files they were made with.
  auto keeps = MakeClient(runtime, {.tls = mutual});
  CHECK(get(*keeps, "localhost") == "secret");
  for (const char* name : {"other", "client"}) {
    dir.Write("mine.key", "broken");
    for (Client* one : {own->get(), keeps.get()}) {
      CHECK_THAT(get(*one, "localhost"), Catch::Contains("unable to use the TLS configuration"));
    }
    install(name);
    for (Client* one : {own->get(), keeps.get()}) CHECK(get(*one, "localhost") == "secret");
  }

  auto plain = StartServer([](const Request&, ResponseWriter& response) { response.Send("x"); });
  CHECK_THAT(ErrorOf(*client, {.url = fmt::format("https://localhost:{}/", plain->ports()[0])}),
             Catch::Contains("server gave HTTP response to HTTPS client"));
  TlsConfig missing;
  missing.ca_file = "/nowhere.pem";
  CHECK_THAT(std::string(MessageOf(Client::Create(runtime, {.config = {.tls = missing}}).status())),
             Catch::Contains("unable to read CA cert"));
}

}  // namespace
}  // namespace narthex::http
