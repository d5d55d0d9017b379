// Requests through proxies, and past them.
#include "core/http/client_test_util.h"
#include "core/http/credentials.h"
#include "core/http/proxy.h"

namespace narthex::http {
namespace {

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

}  // namespace
}  // namespace narthex::http
