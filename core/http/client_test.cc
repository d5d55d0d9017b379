#include "core/http/client.h"

#include <sys/resource.h>
#include <sys/un.h>

#include <atomic>
#include <future>
#include <mutex>

#include "core/compress/gzip.h"
#include "core/http/credentials.h"
#include "core/http/proxy.h"
#include "core/http/server.h"
#include "core/http/test_util.h"

namespace narthex::http {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

std::unique_ptr<Server> StartServer(Handler handler, ServerOptions options = {}) {
  options.listen_addresses = {"127.0.0.1:0"};
  auto server = Server::Create(std::move(options), std::move(handler));
  REQUIRE(server.ok());
  REQUIRE((*server)->Start().ok());
  return *std::move(server);
}

std::string UrlOf(const Server& server, const std::string& path = "/") {
  return fmt::format("http://127.0.0.1:{}{}", server.ports()[0], path);
}

std::shared_ptr<Client> MakeClient(ClientRuntime& runtime, ClientConfig config = {}) {
  auto client = Client::Create(runtime, {.config = std::move(config), .user_agent = "narthex/1"});
  REQUIRE(client.ok());
  return *std::move(client);
}

std::string ErrorOf(Client& client, ClientRequest request) {
  const auto response = client.DoBlocking(std::move(request));
  return std::string(MessageOf(response.status()));
}

// A server of one canned answer a connection: what no decent server would say. It sends its text,
// then `drip` again and again until the peer is gone.
class RudeServer {
 public:
  explicit RudeServer(std::string answer, std::string drip = "", milliseconds pause = {})
      : answer_(std::move(answer)), drip_(std::move(drip)), pause_(pause) {
    listener_.Reset(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    REQUIRE(::bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), length) == 0);
    REQUIRE(::listen(listener_.get(), 100) == 0);
    ::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &length);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { Run(); });
  }
  ~RudeServer() {
    ::shutdown(listener_.get(), SHUT_RDWR);
    thread_.join();
  }
  std::string url() const { return fmt::format("http://127.0.0.1:{}/", port_); }
  int port() const { return port_; }
  int connections() const { return connections_; }
  std::string request() {
    std::lock_guard lock(mutex_);
    return request_;
  }

 private:
  void Run() {
    for (;;) {
      UniqueFd fd(::accept(listener_.get(), nullptr, nullptr));
      if (!fd.valid()) return;
      ++connections_;
      char buffer[65536];
      const ssize_t n = ::recv(fd.get(), buffer, sizeof buffer, 0);
      {
        std::lock_guard lock(mutex_);
        request_.assign(buffer, n > 0 ? static_cast<size_t>(n) : 0);
      }
      ::send(fd.get(), answer_.data(), answer_.size(), MSG_NOSIGNAL);
      while (!drip_.empty() &&
             ::send(fd.get(), drip_.data(), drip_.size(), MSG_NOSIGNAL) > 0) {
        std::this_thread::sleep_for(pause_);
      }
    }
  }

  const std::string answer_, drip_;
  const milliseconds pause_;
  UniqueFd listener_;
  int port_ = 0;
  std::atomic<int> connections_{0};
  std::mutex mutex_;
  std::string request_;
  std::thread thread_;
};

TEST_CASE("connections are kept alive and requests are complete") {
  auto server = StartServer([](const Request& request, ResponseWriter& response) {
    std::string out = fmt::format("{} {} {}\n", request.method, request.target, request.body);
    for (const auto& [name, value] : request.headers) out += fmt::format("{}: {}\n", name, value);
    response.headers().Set("X-Reply", "yes");
    response.Send(201, "text/plain", out);
  });
  ClientRuntime runtime;
  auto client = MakeClient(runtime);
  for (int i = 0; i < 3; ++i) {
    const auto response = client->DoBlocking({.method = "POST",
                                              .url = UrlOf(*server, "/a%20b?c=d#e"),
                                              .headers = [] {
                                                Headers headers;
                                                headers.Add("X-Own", "v\r\nX-Evil: 1");
                                                return headers;
                                              }(),
                                              .body = "payload"});
    REQUIRE(response.ok());
    CHECK(response->status == 201);
    CHECK(response->status_line() == "201 Created");
    CHECK(response->headers.Get("x-reply") == "yes");
    CHECK(response->url == UrlOf(*server, "/a%20b?c=d#e"));
    CHECK(response->body ==
          fmt::format("POST /a%20b?c=d payload\nHost: 127.0.0.1:{}\nUser-Agent: narthex/1\n"
                      "Content-Length: 7\nX-Own: v  X-Evil: 1\n",
                      server->ports()[0]));
  }
  CHECK(server->stats().accepted_connections == 1);
  const auto head = client->DoBlocking({.method = "HEAD", .url = UrlOf(*server)});
  REQUIRE(head.ok());
  CHECK(head->body.empty());
}

TEST_CASE("without keep-alive every request has its connection") {
  auto server = StartServer([](const Request&, ResponseWriter& response) { response.Send("x"); });
  ClientRuntime runtime;
  auto client = Client::Create(runtime, {.keep_alive = false});
  for (int i = 0; i < 3; ++i) CHECK((*client)->DoBlocking({.url = UrlOf(*server)}).ok());
  CHECK(server->stats().accepted_connections == 3);
  auto brief = Client::Create(runtime, {.idle_timeout = milliseconds(50)});
  CHECK((*brief)->DoBlocking({.url = UrlOf(*server)}).ok());
  CHECK(Eventually([&] { return server->stats().open_connections == 0; }));
}

TEST_CASE("network errors are worded as Go words them") {
  ClientRuntime runtime;
  auto client = MakeClient(runtime);
  CHECK(ErrorOf(*client, {.url = "http://u:secret@127.0.0.1:1/metrics"}) ==
        "Get \"http://u:xxxxx@127.0.0.1:1/metrics\": dial tcp 127.0.0.1:1: connect: connection "
        "refused");
  CHECK(ErrorOf(*client, {.url = "http://nosuch.invalid/"}) ==
        "Get \"http://nosuch.invalid/\": dial tcp: lookup nosuch.invalid: no such host");
  CHECK_THAT(ErrorOf(*client, {.url = "ftp://x/"}), Catch::Contains("unsupported protocol scheme"));
  CHECK_THAT(ErrorOf(*client, {.url = "nonsense"}), Catch::Contains("missing protocol scheme"));
  CHECK_THAT(ErrorOf(*client, {.url = "http:///x"}), Catch::Contains("no Host"));
  CHECK(ErrorOf(*client, {.url = "http://x/", .unix_socket = "/nowhere.sock"}) ==
        "Get \"http://x/\": dial unix /nowhere.sock: connect: no such file or directory");
  RudeServer closes("");
  CHECK(ErrorOf(*client, {.method = "POST", .url = closes.url()}) ==
        fmt::format("Post \"{}\": EOF", closes.url()));
  RudeServer garbage("220 smtp ready\r\n\r\n");
  CHECK_THAT(ErrorOf(*client, {.url = garbage.url()}), Catch::Contains("malformed HTTP response"));
  RudeServer cut("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc");
  CHECK(ErrorOf(*client, {.url = cut.url()}) == "unexpected EOF");
  RudeServer cut_chunk("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab");
  CHECK(ErrorOf(*client, {.url = cut_chunk.url()}) == "unexpected EOF");
}

TEST_CASE("answers without a length end with the connection; interim answers are skipped") {
  ClientRuntime runtime;
  auto client = MakeClient(runtime);
  RudeServer plain("HTTP/1.0 200 OK\r\n\r\nall of it");
  CHECK(client->DoBlocking({.url = plain.url()})->body == "all of it");
  RudeServer interim(
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
      "HTTP/1.1 202 Accepted\r\nContent-Length: 2\r\n\r\nok");
  const auto response = client->DoBlocking({.url = interim.url()});
  REQUIRE(response.ok());
  CHECK(response->status == 202);
  CHECK(response->body == "ok");
}

TEST_CASE("hostile answers end at the limits") {
  ClientRuntime runtime;
  auto client = MakeClient(runtime);
  const std::string chunk = "400\r\n" + std::string(1024, 'x') + "\r\n";
  RudeServer endless("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", chunk);
  const auto too_big = client->DoBlocking({.url = endless.url(), .max_body_bytes = 100'000});
  CHECK(too_big.status().code() == StatusCode::kOutOfRange);
  RudeServer claims("HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n", "x", milliseconds(1));
  CHECK(client->DoBlocking({.url = claims.url()}).status().code() == StatusCode::kOutOfRange);
  RudeServer header("HTTP/1.1 200 OK\r\n", "A: " + std::string(1000, 'h') + "\r\n");
  CHECK_THAT(ErrorOf(*client, {.url = header.url()}), Catch::Contains("headers exceeded"));
  RudeServer line("HTTP/1.1 200 OK\r\nX: ", std::string(1000, 'h'));
  CHECK_THAT(ErrorOf(*client, {.url = line.url()}), Catch::Contains("headers exceeded"));

  RudeServer silent("", " ", milliseconds(1000));
  CHECK(ErrorOf(*client, {.url = silent.url(), .timeout = milliseconds(100)}) ==
        fmt::format("Get \"{}\": context deadline exceeded", silent.url()));
  RudeServer drip("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", "x", milliseconds(5));
  const auto slow = client->DoBlocking({.url = drip.url(), .timeout = milliseconds(200)});
  CHECK(slow.status().code() == StatusCode::kDeadlineExceeded);
  CHECK(MessageOf(slow.status()) == "context deadline exceeded");
}

TEST_CASE("gzip answers are inflated under the same limit") {
  const std::string bomb = GzipCompress(std::string(50'000'000, 'a'));
  auto server = StartServer([&](const Request& request, ResponseWriter& response) {
    if (request.path == "/asked") {
      return response.Send(std::string(request.headers.Get("Accept-Encoding")));
    }
    response.headers().Set("Content-Encoding", "gzip");
    if (request.path == "/bomb") return response.Send(bomb);
    if (request.path == "/bad") return response.Send("this is not gzip");
    response.Send(GzipCompress("plain text"));
  });
  ClientRuntime runtime;
  auto client = MakeClient(runtime);
  const auto get = [&](const std::string& path, bool decode) {
    return client->DoBlocking(
        {.url = UrlOf(*server, path), .max_body_bytes = 1'000'000, .decode_gzip = decode});
  };
  CHECK(get("/asked", true)->body == "gzip");
  CHECK(get("/asked", false)->body == "");
  CHECK(get("/ok", true)->body == "plain text");
  CHECK_FALSE(get("/ok", true)->headers.Has("Content-Encoding"));
  CHECK(get("/ok", false)->body == GzipCompress("plain text"));
  CHECK(get("/bomb", true).status().code() == StatusCode::kOutOfRange);
  CHECK_FALSE(get("/bad", true).ok());
}

TEST_CASE("a stale pooled connection is tried once more, but not for a POST") {
  // Answers one request on a connection, then closes it when the second has arrived.
  std::atomic<int> accepted{0};
  UniqueFd listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  REQUIRE(::bind(listener.get(), reinterpret_cast<sockaddr*>(&address), length) == 0);
  REQUIRE(::listen(listener.get(), 10) == 0);
  ::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&address), &length);
  std::thread server([&] {
    for (;;) {
      UniqueFd fd(::accept(listener.get(), nullptr, nullptr));
      if (!fd.valid()) return;
      ++accepted;
      char buffer[4096];
      if (::recv(fd.get(), buffer, sizeof buffer, 0) <= 0) continue;
      const std::string_view answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
      ::send(fd.get(), answer.data(), answer.size(), MSG_NOSIGNAL);
      (void)::recv(fd.get(), buffer, sizeof buffer, 0);
    }
  });
  const std::string url = fmt::format("http://127.0.0.1:{}/", ntohs(address.sin_port));
  {
    ClientRuntime runtime;
    auto client = MakeClient(runtime);
    CHECK(client->DoBlocking({.url = url}).ok());
    CHECK(client->DoBlocking({.url = url}).ok());
    CHECK(accepted == 2);
    CHECK(ErrorOf(*client, {.method = "POST", .url = url, .body = "x"}) ==
          fmt::format("Post \"{}\": EOF", url));
    CHECK(accepted == 2);
  }
  ::shutdown(listener.get(), SHUT_RDWR);
  server.join();
}

TEST_CASE("redirects: methods, bodies, limits") {
  Router router;
  const auto redirect = [&](const std::string& path, int code, const std::string& to) {
    router.HandleAny(path, [code, to](const Request&, ResponseWriter& response) {
      response.Redirect(code, to);
    });
  };
  redirect("/301", 301, "end");
  redirect("/303", 303, "/end");
  redirect("/307", 307, "./end?x");
  redirect("/308", 308, "/301");
  redirect("/loop", 302, "/loop");
  redirect("/bad", 302, "http://[bad");
  redirect("/scheme", 302, "file:///etc/passwd");
  router.HandleAny("/end", [](const Request& request, ResponseWriter& response) {
    response.Send(200, "text/plain", request.method + ":" + request.body);
  });
  router.HandleAny("/none", [](const Request&, ResponseWriter& response) {
    response.Send(302, "text/plain", "no location");
  });
  auto server = StartServer(router.AsHandler());
  ClientRuntime runtime;
  auto client = MakeClient(runtime);
  const auto ask = [&](const std::string& method, const std::string& path) {
    const auto response = client->DoBlocking(
        {.method = method, .url = UrlOf(*server, path), .body = method == "POST" ? "data" : ""});
    return response.ok() ? response->body : std::string(MessageOf(response.status()));
  };
  CHECK(ask("GET", "/301") == "GET:");
  CHECK(ask("POST", "/301") == "GET:");
  CHECK(ask("POST", "/303") == "GET:");
  CHECK(ask("POST", "/307") == "POST:data");
  CHECK(ask("POST", "/308") == "GET:");
  CHECK(ask("GET", "/none") == "no location");
  CHECK_THAT(ask("GET", "/loop"), Catch::Contains("stopped after 10 redirects"));
  CHECK_THAT(ask("GET", "/bad"), Catch::Contains("failed to parse Location header"));
  CHECK_THAT(ask("GET", "/scheme"), Catch::Contains("unsupported protocol scheme \"file\""));
  CHECK(client->DoBlocking({.url = UrlOf(*server, "/307")})->url == UrlOf(*server, "/end?x"));
  auto still = MakeClient(runtime, {.follow_redirects = false});
  CHECK(still->DoBlocking({.url = UrlOf(*server, "/301")})->status == 301);
}

TEST_CASE("credentials: files, redirects to strangers") {
  TempDir dir;
  std::string elsewhere;
  auto server = StartServer([&](const Request& request, ResponseWriter& response) {
    if (request.path == "/away") return response.Redirect(302, elsewhere);
    if (request.path == "/near") return response.Redirect(302, "/");
    response.Send(fmt::format("{}|{}", request.headers.Get("Authorization"),
                              request.headers.Get("X-Key")));
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

  auto bearer = MakeClient(
      runtime, {.authorization = ClientConfig::Authorization{.credentials = "token"}});
  CHECK(get(*bearer) == "Bearer token|");
  auto plain = MakeClient(runtime);
  const auto in_url = plain->DoBlocking(
      {.url = fmt::format("http://u:p%20w@127.0.0.1:{}/", server->ports()[0])});
  CHECK(in_url->body == BasicCredentials("u", "p w") + "|");
}

TEST_CASE("proxies: absolute targets and tunnels") {
  TempDir dir;
  MakeCertificates(dir);
  auto secure = StartServer(
      [](const Request&, ResponseWriter& response) { response.Send("through the tunnel"); },
      {.web_config_file = dir.Write(
           "web.yml", "tls_server_config:\n  cert_file: server.pem\n  key_file: server.key\n")});
  auto proxy = StartServer([](const Request& request, ResponseWriter& response) {
    response.Send(fmt::format("{} {} {}", request.method, request.target,
                              request.headers.Get("Proxy-Authorization")));
  });
  ClientRuntime runtime;
  ClientConfig config;
  config.proxy_url = fmt::format("http://u:p@127.0.0.1:{}", proxy->ports()[0]);
  auto client = MakeClient(runtime, config);
  CHECK(client->DoBlocking({.url = "http://some.where/x?y"})->body ==
        "GET http://some.where/x?y " + BasicCredentials("u", "p"));

  // A tunnel of our own: CONNECT is answered, then bytes are passed on.
  UniqueFd listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  REQUIRE(::bind(listener.get(), reinterpret_cast<sockaddr*>(&address), length) == 0);
  REQUIRE(::listen(listener.get(), 10) == 0);
  ::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&address), &length);
  std::string connect_request;
  std::thread tunnel([&] {
    UniqueFd fd(::accept(listener.get(), nullptr, nullptr));
    char buffer[65536];
    ssize_t n = ::recv(fd.get(), buffer, sizeof buffer, 0);
    connect_request.assign(buffer, n > 0 ? static_cast<size_t>(n) : 0);
    RawSocket back(secure->ports()[0]);
    const std::string_view answer = "HTTP/1.1 200 Connection established\r\n\r\n";
    ::send(fd.get(), answer.data(), answer.size(), MSG_NOSIGNAL);
    pollfd both[2] = {{fd.get(), POLLIN, 0}, {back.fd(), POLLIN, 0}};
    while (::poll(both, 2, 30000) > 0) {
      for (int i = 0; i < 2; ++i) {
        if (both[i].revents == 0) continue;
        n = ::recv(both[i].fd, buffer, sizeof buffer, 0);
        if (n <= 0) return;
        ::send(both[1 - i].fd, buffer, static_cast<size_t>(n), MSG_NOSIGNAL);
      }
    }
  });
  {
    config.proxy_url = fmt::format("http://127.0.0.1:{}", ntohs(address.sin_port));
    config.tls.ca_file = dir.path() + "/ca.pem";
    config.proxy_connect_headers = {{.name = "X-Via", .values = {"us"}}};
    auto tunneled = MakeClient(runtime, config);
    const auto response = tunneled->DoBlocking({.url = "https://localhost:4444/"});
    REQUIRE(response.ok());
    CHECK(response->body == "through the tunnel");
  }
  tunnel.join();
  CHECK_THAT(connect_request, Catch::StartsWith("CONNECT localhost:4444 HTTP/1.1\r\n"));
  CHECK_THAT(connect_request, Catch::Contains("X-Via: us\r\n"));
  RudeServer refuses("HTTP/1.1 403 Forbidden\r\n\r\n");
  config.proxy_url = refuses.url();
  CHECK_THAT(ErrorOf(*MakeClient(runtime, config), {.url = "https://localhost/"}),
             Catch::Contains("Forbidden"));
  CHECK_FALSE(Client::Create(runtime, {.config = {.proxy_url = "socks5://x:1"}}).ok());
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

TEST_CASE("https: trust, names, client certificates, reload") {
  TempDir dir;
  MakeCertificates(dir);
  const std::string base = "tls_server_config:\n  cert_file: server.pem\n  key_file: server.key\n";
  auto server = StartServer(
      [](const Request&, ResponseWriter& response) { response.Send("secret"); },
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
                    "unknown authority", url("localhost")));
  CHECK(get(*MakeClient(runtime, {.tls = {.insecure_skip_verify = true}}), "localhost") == "secret");
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

  dir.Write("web.yml", base + "  client_auth_type: RequireAndVerifyClientCert\n"
                              "  client_ca_file: ca.pem\n");
  CHECK_THAT(get(*MakeClient(runtime, {.tls = trust}), "localhost"),
             Catch::Contains("remote error: tls: "));
  TlsConfig mutual = trust;
  mutual.cert_file = dir.path() + "/mine.pem";
  mutual.key_file = dir.path() + "/mine.key";
  const auto install = [&](const std::string& name) {
    RunCommand(fmt::format("cd {0} && cp {1}.pem mine.pem && cp {1}.key mine.key", dir.path(), name));
  };
  install("client");
  auto own = Client::Create(runtime, {.config = {.tls = mutual}, .keep_alive = false});
  REQUIRE(own.ok());
  CHECK(get(**own, "localhost") == "secret");
  dir.Write("mine.key", "broken");
  CHECK_THAT(get(**own, "localhost"), Catch::Contains("unable to use the TLS configuration"));
  install("other");
  CHECK(get(**own, "localhost") == "secret");

  auto plain = StartServer([](const Request&, ResponseWriter& response) { response.Send("x"); });
  CHECK_THAT(ErrorOf(*client, {.url = fmt::format("https://localhost:{}/", plain->ports()[0])}),
             Catch::Contains("server gave HTTP response to HTTPS client"));
  TlsConfig missing;
  missing.ca_file = "/nowhere.pem";
  CHECK_THAT(std::string(MessageOf(
                 Client::Create(runtime, {.config = {.tls = missing}}).status())),
             Catch::Contains("unable to read CA cert"));
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
  CHECK(form() == "grant_type=client_credentials&scope=a+b&audience=x");
  header_allowed = false;
  lifetime = 5;  // always about to expire
  auto other = MakeClient(runtime, config);
  CHECK(get(*other) == "Bearer T3");
  CHECK(form() ==
        "grant_type=client_credentials&scope=a+b&audience=x&client_id=id&client_secret=s%2Bt");
  CHECK(get(*other) == "Bearer T4");
  broken = true;
  CHECK_THAT(get(*other), Catch::Contains("oauth2: cannot fetch token: 500 Internal Server Error\n"
                                          "Response: no tokens today"));
}

TEST_CASE("unix sockets") {
  TempDir dir;
  const std::string path = dir.path() + "/s.sock";
  UniqueFd listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  REQUIRE(::bind(listener.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  REQUIRE(::listen(listener.get(), 10) == 0);
  std::string seen;
  std::thread server([&] {
    UniqueFd fd(::accept(listener.get(), nullptr, nullptr));
    char buffer[4096];
    const ssize_t n = ::recv(fd.get(), buffer, sizeof buffer, 0);
    seen.assign(buffer, n > 0 ? static_cast<size_t>(n) : 0);
    const std::string_view answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    ::send(fd.get(), answer.data(), answer.size(), MSG_NOSIGNAL);
  });
  ClientRuntime runtime;
  auto client = MakeClient(runtime);
  const auto response = client->DoBlocking({.url = "http://docker/v1", .unix_socket = path});
  server.join();
  REQUIRE(response.ok());
  CHECK(response->body == "ok");
  CHECK_THAT(seen, Catch::StartsWith("GET /v1 HTTP/1.1\r\nHost: docker\r\n"));
}

TEST_CASE("a thousand requests in flight on one thread") {
  rlimit limit{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &limit) == 0);
  limit.rlim_cur = std::min<rlim_t>(limit.rlim_max, 20000);
  ::setrlimit(RLIMIT_NOFILE, &limit);
  const int count = static_cast<int>(std::min<rlim_t>(1000, (limit.rlim_cur - 100) / 2));
  // Every answer waits, without a thread, until all the requests have arrived.
  std::mutex mutex;
  std::vector<std::shared_ptr<EventStream>> waiting;
  auto server = StartServer(
      [&](const Request&, ResponseWriter& response) {
        auto stream = response.Detach();
        std::lock_guard lock(mutex);
        waiting.push_back(std::move(stream));
      },
      {.max_connections = 2000});
  ClientRuntime runtime(1);
  auto client = MakeClient(runtime);
  std::atomic<int> good{0}, bad{0};
  for (int i = 0; i < count; ++i) {
    client->Do({.url = UrlOf(*server), .timeout = seconds(60)}, [&](StatusOr<ClientResponse> response) {
      ++(response.ok() && response->body == "now" ? good : bad);
    });
  }
  CHECK(Eventually([&] {
    std::lock_guard lock(mutex);
    return static_cast<int>(waiting.size()) == count;
  }));
  CHECK(good == 0);
  for (const auto& stream : waiting) {
    stream->Write("now");
    stream->Close();
  }
  CHECK(Eventually([&] { return good + bad == count; }));
  CHECK(bad == 0);
}

TEST_CASE("every callback runs once, also when the runtime goes away") {
  RudeServer silent("", " ", milliseconds(1000));
  std::atomic<int> calls{0};
  std::shared_ptr<Client> client;
  {
    ClientRuntime runtime(2);
    client = MakeClient(runtime);
    for (int i = 0; i < 50; ++i) {
      client->Do({.url = silent.url()}, [&](StatusOr<ClientResponse> response) {
        CHECK_FALSE(response.ok());
        ++calls;
      });
      client->Do({.url = "http://nosuch.invalid/"}, [&](StatusOr<ClientResponse>) { ++calls; });
    }
  }
  CHECK(calls == 100);
  client->Do({.url = silent.url()}, [&](StatusOr<ClientResponse> response) {
    CHECK(response.status().code() == StatusCode::kCancelled);
    ++calls;
  });
  CHECK(calls == 101);
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
  CHECK_THAT(check({.tls = {.ca = "a", .ca_file = "b"}}), Catch::Contains("at most one of ca, ca_file & ca_ref must"));
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
      {"", ""},         {"f", "Zg=="},         {"fo", "Zm8="},
      {"foo", "Zm9v"},  {"foobar", "Zm9vYmFy"}, {std::string("\xff\x00\xfe", 3), "/wD+"}};
  for (const auto& [plain, encoded] : cases) {
    CHECK(Base64Encode(plain) == encoded);
    CHECK(Base64Decode(encoded) == plain);
  }
  for (const char* bad : {"Zg", "Z===", "Zm9v!AAA", "Zg==Zg=="}) CHECK_FALSE(Base64Decode(bad));
}

}  // namespace
}  // namespace narthex::http
