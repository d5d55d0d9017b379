#include "core/http/web_config.h"

#include <crypt.h>

#include "core/http/bcrypt.h"
#include "core/http/gate.h"
#include "core/http/test_util.h"

namespace narthex::http {
namespace {

// bcrypt at its cheapest, so that tests are quick.
std::string Hash(const std::string& password) {
  const auto data = std::make_unique<crypt_data>();
  char salt[CRYPT_GENSALT_OUTPUT_SIZE];
  REQUIRE(::crypt_gensalt_rn("$2b$", 4, nullptr, 0, salt, sizeof salt) != nullptr);
  return ::crypt_r(password.c_str(), salt, data.get());
}

void Hello(const Request& request, ResponseWriter& response) {
  response.Send(200, "text/plain", request.tls ? "secure" : "plain");
}

struct Running {
  std::unique_ptr<Server> server;
  int port() const { return server->ports()[0]; }
};

Running Serve(const std::string& file, Handler handler = Hello) {
  auto server = Server::Create({.listen_addresses = {"127.0.0.1:0"}, .web_config_file = file},
                               std::move(handler));
  REQUIRE(server.ok());
  REQUIRE((*server)->Start().ok());
  return {*std::move(server)};
}

std::string StatusOf(const std::string& arguments) {
  return Curl("-o /dev/null -w '%{http_code}' " + arguments);
}

TEST_CASE("what a web.config.file must not be") {
  const std::string pem = "cert: x\n  key: y";
  const std::pair<std::string, std::string> cases[] = {
      {"unknown: 1", "field unknown not found in type web.Config"},
      {"tls_server_config:\n  key_file: k", "missing one of cert or cert_file"},
      {"tls_server_config:\n  cert_file: c", "missing one of key or key_file"},
      {"tls_server_config:\n  client_auth_type: RequestClientCert",
       "missing one of cert or cert_file"},
      {"tls_server_config:\n  " + pem + "\n  client_auth_type: Sometimes",
       "Invalid ClientAuth: Sometimes"},
      {"tls_server_config:\n  " + pem + "\n  client_ca: z",
       "Client CA's have been configured without a Client Auth Policy"},
      {"tls_server_config:\n  " + pem + "\n  min_version: SSL3", "unknown TLS version: SSL3"},
      {"tls_server_config:\n  " + pem + "\n  cipher_suites: [TLS_RSA_WITH_RC4_128_SHA]",
       "unknown cipher: TLS_RSA_WITH_RC4_128_SHA"},
      {"tls_server_config:\n  " + pem + "\n  curve_preferences: [P1]", "unknown curve: P1"},
      {"tls_server_config:\n  cert_file: /nowhere.pem\n  key_file: k", "/nowhere.pem"},
      {"http_server_config:\n  headers:\n    X-Own: a",
       "HTTP header \"X-Own\" can not be configured"},
      {"http_server_config:\n  headers:\n    X-Frame-Options: maybe",
       "invalid value for X-Frame-Options"},
      {"basic_auth_users:\n  a: plaintext", "user a: crypto/bcrypt: hashedSecret too short"},
      {"basic_auth_users: [a]", "cannot unmarshal"},
      {"rate_limit:\n  burst: -1", "must not be negative"},
      {"rate_limit:\n  interval: soon", "soon"},
      {"a: [", "yaml"},
  };
  for (const auto& [text, want] : cases) {
    INFO(text);
    const auto config = ParseWebConfig(text, "/tmp");
    REQUIRE_FALSE(config.ok());
    CHECK_THAT(std::string(MessageOf(config.status())), Catch::Contains(want));
  }
  CHECK(ParseWebConfig("", "/tmp").ok());
  CHECK(ParseWebConfig("http_server_config:\n  http2: false", "/tmp").ok());
}

TEST_CASE("a bad file is refused at the start") {
  TempDir dir;
  CHECK_FALSE(CheckWebConfigFile(dir.path() + "/missing.yml").ok());
  CHECK_FALSE(CheckWebConfigFile(dir.Write("bad.yml", "what: ever")).ok());
  CHECK_FALSE(
      CheckWebConfigFile(dir.Write("pem.yml", "tls_server_config:\n  cert: x\n  key: y")).ok());
  CHECK(CheckWebConfigFile("").ok());
  CHECK(CheckWebConfigFile(dir.Write("empty.yml", "")).ok());
  CHECK_FALSE(
      Server::Create(
          {.listen_addresses = {"127.0.0.1:0"}, .web_config_file = dir.path() + "/bad.yml"}, Hello)
          .ok());
}

TEST_CASE("bcrypt") {
  const std::string hash = Hash("secret");
  CHECK(CheckBcryptHash(hash).ok());
  CHECK(BcryptMatches("secret", hash));
  CHECK_FALSE(BcryptMatches("Secret", hash));
  CHECK_FALSE(BcryptMatches(std::string("secret\0x", 8), hash));
  CHECK_FALSE(BcryptMatches("", hash));
  // A known answer of another implementation.
  CHECK(BcryptMatches("abc", "$2a$06$If6bvum7DFjUnE9p2uDeDu0YHzrHM6tf.iqN8.yx.jNN1ILEf7h0i"));
  for (const char* bad :
       {"", "$1$abc", "$2b$99$abcdefghijklmnopqrstuuBnbqNGq/6hJdzHhG9B1QM1cHiGLoJTW",
        "$2x$10$abcdefghijklmnopqrstuuBnbqNGq/6hJdzHhG9B1QM1cHiGLoJTW"}) {
    CHECK_FALSE(CheckBcryptHash(bad).ok());
  }
}

TEST_CASE("users, headers and their reload") {
  TempDir dir;
  const std::string users = "basic_auth_users:\n  alice: " + Hash("pa:ss") + "\n";
  const std::string file =
      dir.Write("web.yml", users + "http_server_config:\n  headers:\n    X-Frame-Options: deny\n");
  auto running = Serve(file);
  const std::string url = fmt::format("http://127.0.0.1:{}/", running.port());
  const std::string refused = Curl("-i " + url);
  CHECK_THAT(refused, Catch::Contains("401 Unauthorized\r\n"));
  CHECK_THAT(refused, Catch::Contains("WWW-Authenticate: Basic\r\n"));
  CHECK_THAT(refused, Catch::Contains("X-Frame-Options: deny\r\n"));
  CHECK_THAT(refused, Catch::EndsWith("Unauthorized\n"));
  CHECK_THAT(Curl("-i -u alice:pa:ss " + url), Catch::Contains("X-Frame-Options: deny\r\n"));
  for (int i = 0; i < 2; ++i) {  // asked, then remembered
    CHECK(Curl("-u alice:pa:ss " + url) == "plain");
    CHECK(StatusOf("-u alice:wrong " + url) == "401");
    CHECK(StatusOf("-u bob:pa:ss " + url) == "401");
  }
  CHECK(StatusOf("-H 'Authorization: Basic !!!' " + url) == "401");
  CHECK(StatusOf("-H 'Authorization: Bearer abc' " + url) == "401");
  CHECK(StatusOf("-u alice:pa:ss --data-binary @/etc/passwd " + url) == "200");
  CHECK(StatusOf("-u alice:no -H 'Expect: 100-continue' --data-binary @/etc/passwd " + url) ==
        "401");
  // One connection for several tries.
  CHECK(Curl(fmt::format("-u a:b -o /dev/null -w '%{{num_connects}} ' {} {}", url, url)) ==
        "1 Unauthorized\n0 ");
  dir.Write("web.yml", "basic_auth_users:\n  bob: " + Hash("pa:ss"));
  CHECK(StatusOf("-u alice:pa:ss " + url) == "401");
  CHECK(StatusOf("-u bob:pa:ss " + url) == "200");
  dir.Write("web.yml", "basic_auth_users: [oops");
  CHECK(StatusOf("-u bob:pa:ss " + url) == "500");
  dir.Write("web.yml", "");
  CHECK(StatusOf(url) == "200");
}

TEST_CASE("token bucket") {
  TokenBucket bucket;
  int64_t now = 0;
  for (int i = 0; i < 3; ++i) CHECK(bucket.Take(3, 1000, now));
  CHECK_FALSE(bucket.Take(3, 1000, now));
  CHECK_FALSE(bucket.Take(3, 1000, now += 999));
  CHECK(bucket.Take(3, 1000, now += 1));
  CHECK_FALSE(bucket.Take(3, 1000, now));
  CHECK(bucket.Take(3, 1000, now += 1'000'000));
  for (int i = 0; i < 2; ++i) CHECK(bucket.Take(3, 1000, now));
  CHECK_FALSE(bucket.Take(3, 1000, now));
}

TEST_CASE("rate limit") {
  TempDir dir;
  auto running = Serve(dir.Write("web.yml", "rate_limit:\n  burst: 2\n  interval: 1h\n"));
  const std::string url = fmt::format("http://127.0.0.1:{}/", running.port());
  CHECK(Curl(url) == "plain");
  CHECK(Curl(url) == "plain");
  CHECK(Curl(url) == "Too Many Requests\n");
  CHECK(StatusOf(url) == "429");
}

TEST_CASE("TLS, its reload, and plain HTTP spoken to it") {
  TempDir dir;
  MakeCertificates(dir);
  const std::string config =
      "tls_server_config:\n  cert_file: server.pem\n  key_file: server.key\n";
  auto running = Serve(dir.Write("web.yml", config));
  const std::string url = fmt::format("https://localhost:{}/", running.port());
  const std::string trust = "--cacert " + dir.path() + "/ca.pem ";
  CHECK(Curl(trust + url) == "secure");
  CHECK(Curl(trust + "--http2 --compressed --tlsv1.3 " + url) == "secure");
  CHECK(Curl(trust + "--tlsv1.2 --tls-max 1.2 " + url) == "secure");
  CHECK_THAT(Curl(trust + "--tlsv1.1 --tls-max 1.1 --ciphers DEFAULT@SECLEVEL=0 " + url),
             Catch::Contains("curl: ("));
  CHECK_THAT(Curl(url), Catch::Contains("curl: (60)"));
  CHECK(Curl(fmt::format("http://localhost:{}/", running.port())) ==
        "Client sent an HTTP request to an HTTPS server.\n");
  // Another certificate in the same files.
  const auto subject = [&] {
    return RunCommand(fmt::format("echo | openssl s_client -connect 127.0.0.1:{} 2>/dev/null | "
                                  "openssl x509 -noout -subject",
                                  running.port()))
        .output;
  };
  CHECK_THAT(subject(), Catch::EndsWith("CN = server\n"));
  REQUIRE(RunCommand(fmt::format("cd {0} && cp server2.pem server.pem && cp server2.key server.key",
                                 dir.path()))
              .exit_code == 0);
  CHECK_THAT(subject(), Catch::EndsWith("CN = server2\n"));
  CHECK(Curl(trust + url) == "secure");
  dir.Write("server.key", "broken");
  CHECK_THAT(Curl(trust + url), Catch::Contains("curl: ("));
  dir.Write("web.yml", "");
  CHECK_THAT(Curl(trust + url), Catch::Contains("curl: ("));
  dir.Write("web.yml",
            "tls_server_config:\n  cert_file: server2.pem\n  key_file: server2.key\n"
            "  min_version: TLS13\n");
  CHECK(Curl(trust + url) == "secure");
  CHECK_THAT(Curl(trust + "--tls-max 1.2 " + url), Catch::Contains("curl: ("));
}

TEST_CASE("large bodies cross TLS whole, both ways") {
  TempDir dir;
  MakeCertificates(dir);
  auto running = Serve(
      dir.Write("web.yml", "tls_server_config:\n  cert_file: server.pem\n  key_file: server.key\n"),
      [](const Request& request, ResponseWriter& response) {
        if (request.path == "/stream") {
          for (size_t i = 0; i < request.body.size(); i += 7001) {
            response.Write(std::string_view(request.body).substr(i, 7001));
          }
          return;
        }
        response.Send(200, "application/octet-stream", request.body);
      });
  std::string data;
  for (int i = 0; i < 1'000'000; ++i) data += fmt::format("{} ", i);
  const std::string file = dir.Write("data", data);
  for (const char* path : {"echo", "stream"}) {
    const auto result = RunCommand(
        fmt::format("curl -sS --max-time 60 --noproxy '*' --cacert {0}/ca.pem --data-binary @{1} "
                    "https://localhost:{2}/{3} | cmp - {1}",
                    dir.path(), file, running.port(), path));
    CHECK(result.output == "");
    CHECK(result.exit_code == 0);
  }
}

TEST_CASE("cipher suites and curves") {
  TempDir dir;
  MakeCertificates(dir);
  auto running = Serve(dir.Write(
      "web.yml",
      "tls_server_config:\n  cert_file: server.pem\n  key_file: server.key\n"
      "  cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, TLS_AES_128_GCM_SHA256]\n"
      "  curve_preferences: [CurveP384]\n  max_version: TLS12\n"));
  const auto negotiated = [&](const std::string& options) {
    return RunCommand(fmt::format("echo | openssl s_client -connect 127.0.0.1:{} {}",
                                  running.port(), options))
        .output;
  };
  CHECK_THAT(negotiated(""), Catch::Contains("ECDHE-ECDSA-AES256-GCM-SHA384"));
  CHECK_THAT(negotiated(""), Catch::Contains("Server Temp Key: ECDH, secp384r1"));
  CHECK_THAT(negotiated("-cipher ECDHE-ECDSA-AES128-GCM-SHA256"),
             Catch::Contains("handshake failure"));
}

TEST_CASE("without cipher_suites there are those with forward secrecy, as Go has them") {
  TempDir dir;
  MakeCertificates(dir);
  REQUIRE(RunCommand("cd " + dir.path() +
                     " && openssl req -x509 -newkey rsa:2048 -nodes -keyout rsa.key -out rsa.pem "
                     "-days 30 -subj /CN=localhost")
              .exit_code == 0);
  // A file counts before what stands in line.
  auto running = Serve(dir.Write(
      "web.yml", "tls_server_config:\n  cert_file: rsa.pem\n  key_file: rsa.key\n  cert: x\n"));
  const auto accepts = [&](const std::string& cipher) {
    return Curl(fmt::format("-k --tls-max 1.2 --ciphers {} https://localhost:{}/", cipher,
                            running.port())) == "secure";
  };
  for (const char* cipher : {"ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-RSA-AES256-GCM-SHA384",
                             "ECDHE-RSA-CHACHA20-POLY1305", "ECDHE-RSA-AES128-SHA"}) {
    INFO(cipher);
    CHECK(accepts(cipher));
  }
  for (const char* cipher : {"AES128-GCM-SHA256", "AES128-SHA", "AES256-SHA", "AES128-SHA256",
                             "ECDHE-RSA-AES128-SHA256", "ECDHE-RSA-AES256-SHA384"}) {
    INFO(cipher);
    CHECK_FALSE(accepts(cipher));
  }
}

TEST_CASE("client certificates by policy") {
  TempDir dir;
  MakeCertificates(dir);
  // A certificate of somebody else's authority.
  REQUIRE(RunCommand("cd " + dir.path() +
                     " && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes "
                     "-keyout alien.key -out alien.pem -days 30 -subj /CN=alien")
              .exit_code == 0);
  struct Case {
    const char* policy;
    bool none, ours, alien;
  };
  const Case cases[] = {{"NoClientCert", true, true, true},
                        {"RequestClientCert", true, true, true},
                        {"RequireAnyClientCert", false, true, true},
                        {"RequireClientCert", false, true, true},
                        {"VerifyClientCertIfGiven", true, true, false},
                        {"RequireAndVerifyClientCert", false, true, false}};
  const std::string base = "tls_server_config:\n  cert_file: server.pem\n  key_file: server.key\n";
  auto running = Serve(dir.Write("web.yml", base));
  const auto ask = [&](const std::string& certificate) {
    std::string arguments = "--cacert " + dir.path() + "/ca.pem ";
    if (!certificate.empty()) {
      arguments += fmt::format("--cert {0}/{1}.pem --key {0}/{1}.key ", dir.path(), certificate);
    }
    return Curl(arguments + fmt::format("https://localhost:{}/", running.port())) == "secure";
  };
  for (const Case& test : cases) {
    INFO(test.policy);
    const bool verifies = std::string_view(test.policy).find("Verify") != std::string_view::npos;
    dir.Write("web.yml", base + "  client_auth_type: " + test.policy + "\n" +
                             (verifies ? "  client_ca_file: ca.pem\n" : ""));
    CHECK(ask("") == test.none);
    CHECK(ask("client") == test.ours);
    CHECK(ask("alien") == test.alien);
  }
  for (const char* san : {"client.example", "spiffe://x/y"}) {
    dir.Write("web.yml", base +
                             "  client_auth_type: RequireAndVerifyClientCert\n"
                             "  client_ca_file: ca.pem\n  client_allowed_sans: [" +
                             std::string(san) + "]\n");
    CHECK(ask("client"));
    CHECK_FALSE(ask("other"));
  }
  // Names that are asked for are no matter of having a certificate at all.
  dir.Write("web.yml", base +
                           "  client_auth_type: RequestClientCert\n"
                           "  client_allowed_sans: [client.example]\n");
  CHECK(ask("client"));
  CHECK_FALSE(ask("other"));
  CHECK_FALSE(ask(""));
}

}  // namespace
}  // namespace narthex::http
