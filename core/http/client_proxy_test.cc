// Requests through proxies, and past them.
#include "core/http/client_test_util.h"
#include "core/http/credentials.h"
#include "core/http/proxy.h"
#include "core/http/socks.h"
#include "core/http/tunnel_proxy.h"

namespace narthex::http {
namespace {

std::unique_ptr<Server> StartTlsServer(const TempDir& dir, Handler handler) {
  return StartServer(
      std::move(handler),
      {.web_config_file = dir.Write(
           "web.yml", "tls_server_config:\n  cert_file: server.pem\n  key_file: server.key\n")});
}

void Echo(const Request& request, ResponseWriter& response) {
  response.Send(fmt::format("{} {} {}", request.method, request.target,
                            request.headers.Get("Proxy-Authorization")));
}

TEST_CASE("proxies of plain requests get the whole URL, in the open or inside TLS") {
  TempDir dir;
  MakeCertificates(dir);
  const auto open = StartServer(&Echo);
  const auto secure = StartTlsServer(dir, &Echo);
  ClientRuntime runtime;
  ClientConfig config;
  config.tls.ca_file = dir.path() + "/ca.pem";
  for (const std::string& url : {fmt::format("http://u:p@127.0.0.1:{}", open->ports()[0]),
                                 fmt::format("https://u:p@localhost:{}", secure->ports()[0])}) {
    INFO(url);
    config.proxy_url = url;
    auto client = MakeClient(runtime, config);
    for (int i = 0; i < 2; ++i) {
      CHECK(client->DoBlocking({.url = "http://some.where/x?y"})->body ==
            "GET http://some.where/x?y " + BasicCredentials("u", "p"));
    }
  }
  CHECK(Client::Create(runtime, {.config = {.proxy_url = "//x:1"}}).ok());
  const auto other = Client::Create(runtime, {.config = {.proxy_url = "ftp://x:1"}});
  CHECK(MessageOf(other.status()) == "proxies of scheme \"ftp\" are not supported");
}

TEST_CASE("tunnels by CONNECT and by SOCKS, to servers with and without TLS") {
  TempDir dir;
  MakeCertificates(dir);
  // More than the records of two TLS layers hold at once.
  const std::string body(3 << 20, 'x');
  const auto answer = [&](const Request&, ResponseWriter& response) { response.Send(body); };
  const auto open = StartServer(answer);
  const auto secure = StartTlsServer(dir, answer);
  struct Case {
    std::string scheme;
    bool to_tls;
    bool login;
    std::string asked;
  };
  const Case cases[] = {
      {"http", true, false, "CONNECT localhost:4444 HTTP/1.1\r\n"},
      {"https", true, false, "CONNECT localhost:4444 HTTP/1.1\r\n"},
      {"socks5", false, false, std::string("\5\1\0\5\1\0\3\x9localhost\x11\x5c", 19)},
      {"socks5h", true, false, std::string("\5\1\0\5\1\0\3\x9localhost\x11\x5c", 19)},
      {"socks5", true, true, std::string("\5\2\0\2\5\1\0\3\x9localhost\x11\x5c", 20)},
  };
  ClientRuntime runtime;
  for (const Case& c : cases) {
    INFO(c.scheme << " " << c.to_tls << c.login);
    TunnelProxy proxy(c.to_tls ? secure->ports()[0] : open->ports()[0],
                      {.socks = c.scheme.starts_with("socks"),
                       .user = c.login ? "me" : "",
                       .password = "secret",
                       .tls = c.scheme == "https" ? ServerContext(dir) : nullptr});
    ClientConfig config;
    config.tls.ca_file = dir.path() + "/ca.pem";
    config.proxy_url = proxy.url(c.scheme, c.login ? "me:secret@" : "");
    config.proxy_connect_headers = {{.name = "X-Via", .values = {"us"}}};
    {
      auto client = MakeClient(runtime, config);
      const std::string url = c.to_tls ? "https://localhost:4444/" : "http://localhost:4444/";
      for (int i = 0; i < 2; ++i) {  // the way is used again
        const auto response = client->DoBlocking({.url = url});
        INFO(MessageOf(response.status()));
        REQUIRE(response.ok());
        CHECK(response->body == body);
      }
    }
    const auto asked = proxy.asked();
    REQUIRE(asked.size() == 1);
    CHECK_THAT(asked[0], Catch::StartsWith(c.asked));
    CHECK((asked[0].find("X-Via: us\r\n") != std::string::npos) == c.scheme.starts_with("http"));
  }
}

TEST_CASE("proxies that do not let through") {
  TempDir dir;
  MakeCertificates(dir);
  ClientRuntime runtime;
  const auto error = [&](const std::string& proxy, const std::string& url) {
    return ErrorOf(*MakeClient(runtime, {.proxy_url = proxy}), {.url = url});
  };
  RudeServer forbids("HTTP/1.1 403 Forbidden\r\n\r\n");
  CHECK(error(forbids.url(), "https://localhost/") == "Get \"https://localhost/\": Forbidden");
  RudeServer hangs_up("");
  CHECK_THAT(error(fmt::format("socks5://127.0.0.1:{}", hangs_up.port()), "http://far:80/"),
             Catch::Contains("socks connect tcp 127.0.0.1:") && Catch::EndsWith("->far:80: EOF"));
  TunnelProxy full(1, {.socks = true, .socks_reply = std::string("\5\5\0\1\0\0\0\0\0\0", 10)});
  CHECK_THAT(error(full.url("socks5"), "http://far/"),
             Catch::EndsWith("->far:80: unknown error connection refused"));
  TunnelProxy strict(1, {.socks = true, .user = "me", .password = "secret"});
  CHECK_THAT(error(strict.url("socks5"), "http://far/"),
             Catch::EndsWith("->far:80: unsupported authentication method 2"));
  CHECK_THAT(error(strict.url("socks5", "me:wrong@"), "http://far/"),
             Catch::EndsWith("->far:80: username/password authentication failed"));
  const auto secure = StartTlsServer(dir, &Echo);
  CHECK_THAT(error(fmt::format("https://localhost:{}", secure->ports()[0]), "http://far/"),
             Catch::EndsWith("proxyconnect tcp: tls: failed to verify certificate: x509: "
                             "certificate signed by unknown authority"));
  CHECK_THAT(error(fmt::format("https://127.0.0.1:{}", forbids.port()), "http://far/"),
             Catch::EndsWith("proxyconnect tcp: tls: first record does not look like a TLS "
                             "handshake"));
  CHECK(error("socks5://127.0.0.1:1", "http://far/") ==
        "Get \"http://far/\": proxyconnect tcp: dial tcp 127.0.0.1:1: connect: connection refused");
}

TEST_CASE("SOCKS, byte by byte, right and wrong") {
  const auto run = [](const std::string& user, const std::string& host, const std::string& port,
                      std::string_view answers) {
    Url proxy;
    proxy.user = proxy.password = user;
    proxy.has_user = !user.empty();
    SocksHandshake socks(proxy, host, port);
    std::string sent = socks.Greeting();
    for (const char c : answers) {
      const StatusOr<bool> open = socks.Put({&c, 1}, &sent);
      if (!open.ok()) return std::string(MessageOf(open.status()));
      if (*open) return "open: " + sent;
    }
    return std::string("wants more");
  };
  using std::string_literals::operator""s;
  const std::string granted = "\5\0\5\0\0\1abcd\0\1"s;
  CHECK(run("", "1.2.3.4", "258", granted) == "open: \5\1\0\5\1\0\1\1\2\3\4\1\2"s);
  CHECK(run("", "::1", "80", granted) ==
        "open: \5\1\0\5\1\0\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\0P"s);
  CHECK(run("u", "h", "80", "\5\2\1\0\5\0\0\3\1x\0\0"s) == "open: \5\2\0\2\1\1u\1u\5\1\0\3\1h\0P"s);
  CHECK(run("", "h", "80", "\5\0\5\0\0\4"s + std::string(18, 'x')).starts_with("open"));
  struct Case {
    std::string answers, error;
  };
  const Case cases[] = {
      {"", "wants more"},
      {"\5", "wants more"},
      {"\4\0"s, "unexpected protocol version 4"},
      {"\5\xff", "no acceptable authentication methods"},
      {"\5\1", "unsupported authentication method 1"},
      {"\5\0\4\0\0\1"s, "unexpected protocol version 4"},
      {"\5\0\5\1\0\1"s, "unknown error general SOCKS server failure"},
      {"\5\0\5\x8\0\1"s, "unknown error address type not supported"},
      {"\5\0\5\x63\0\1"s, "unknown error unknown code: 99"},
      {"\5\0\5\0\1\1"s, "non-zero reserved field"},
      {"\5\0\5\0\0\2"s, "unknown address type 2"},
      {"\5\0\5\0\0\3\xff"s + std::string(200, 'x'), "wants more"},
  };
  for (const Case& c : cases) CHECK(run("", "h", "80", c.answers) == c.error);
  CHECK(run("u", "h", "80", "\5\2\1\1") == "username/password authentication failed");
  CHECK(run("u", "h", "80", "\5\2\2\0"s) == "invalid username/password version");
  CHECK(run(std::string(256, 'u'), "h", "80", "\5\2") == "invalid username/password");
  CHECK(run("", std::string(256, 'h'), "80", "\5\0"s) == "FQDN too long");
  std::string sent;
  CHECK(MessageOf(SocksHandshake({}, "h", "80").Put(granted + "x", &sent).status()) ==
        "proxy sent data before the request");
}

TEST_CASE("which hosts bypass the proxy") {
  struct Case {
    const char* list;
    const char* host;
    const char* port;
    bool bypassed;
  };
  const Case cases[] = {{"", "example.com", "80", false},
                        {"", "localhost", "80", true},
                        {"", "127.0.0.5", "80", true},
                        {"", "::1", "80", true},
                        {"*", "anything", "80", true},
                        {"example.com", "example.com", "80", true},
                        {"example.com", "sub.example.com", "80", true},
                        {"example.com", "notexample.com", "80", false},
                        {".example.com", "example.com", "80", false},
                        {".example.com", "a.example.com", "80", true},
                        {"*.example.com", "a.example.com", "80", true},
                        {"a, EXAMPLE.com:8080", "example.com", "8080", true},
                        {"example.com:8080", "example.com", "80", false},
                        {"10.0.0.0/8", "10.1.2.3", "80", true},
                        {"10.0.0.0/8", "11.1.2.3", "80", false},
                        {"10.0.0.0/99", "10.1.2.3", "80", false},
                        {"fd00::/8", "fd12::1", "80", true},
                        {"192.168.1.1", "192.168.1.1", "80", true},
                        {"192.168.1.1:90", "192.168.1.1", "80", false},
                        {"fe80::1", "fe80::1", "80", true}};
  for (const Case& test : cases) {
    INFO(test.list << " / " << test.host);
    CHECK(ProxySelector::Bypasses(test.list, test.host, test.port) == test.bypassed);
  }
}

}  // namespace
}  // namespace narthex::http
