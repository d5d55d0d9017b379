#include "core/http/proxy.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <cstring>

#include "core/http/ascii.h"

namespace narthex::http {
namespace {

// An address as 16 bytes, IPv4 mapped.
std::optional<std::array<uint8_t, 16>> ParseIp(const std::string& text) {
  std::array<uint8_t, 16> bytes{};
  if (::inet_pton(AF_INET6, text.c_str(), bytes.data()) == 1) return bytes;
  bytes.fill(0);
  bytes[10] = bytes[11] = 0xff;
  if (::inet_pton(AF_INET, text.c_str(), bytes.data() + 12) == 1) return bytes;
  return std::nullopt;
}

bool IsLoopback(const std::array<uint8_t, 16>& ip) {
  static constexpr std::array<uint8_t, 16> kV6{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
  static constexpr uint8_t kMapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  return ip == kV6 || (std::memcmp(ip.data(), kMapped, 12) == 0 && ip[12] == 127);
}

bool InBlock(const std::array<uint8_t, 16>& ip, const std::string& block) {
  const size_t slash = block.find('/');
  const auto base = ParseIp(block.substr(0, slash));
  int bits = 0;
  const char* first = block.data() + slash + 1;
  const char* last = block.data() + block.size();
  const auto [end, error] = std::from_chars(first, last, bits);
  if (!base || error != std::errc() || end != last || bits < 0) return false;
  if (block.find(':') == std::string::npos) bits += 96;
  if (bits > 128) return false;
  for (int i = 0; i < bits; ++i) {
    const int mask = 0x80 >> (i % 8);
    if (((ip[i / 8] ^ (*base)[i / 8]) & mask) != 0) return false;
  }
  return true;
}

std::string Environment(const char* upper, const char* lower) {
  for (const char* name : {upper, lower}) {
    const char* value = std::getenv(name);
    if (value != nullptr && *value != '\0') return value;
  }
  return {};
}

StatusOr<std::optional<Url>> ParseProxy(std::string text) {
  if (text.empty()) return std::optional<Url>();
  // The environment may leave the scheme out.
  if (text.starts_with("//")) text.insert(0, "http:");
  if (text.find("://") == std::string::npos) text.insert(0, "http://");
  NX_ASSIGN_OR_RETURN(Url url, Url::Parse(text));
  static constexpr std::string_view kSchemes[] = {"http", "https", "socks5", "socks5h"};
  if (std::find(std::begin(kSchemes), std::end(kSchemes), url.scheme) == std::end(kSchemes)) {
    return Unimplemented("proxies of scheme \"{}\" are not supported", url.scheme);
  }
  return std::optional<Url>(std::move(url));
}

}  // namespace

StatusOr<ProxySelector> ProxySelector::Create(const std::string& proxy_url,
                                              const std::string& no_proxy, bool from_environment) {
  ProxySelector selector;
  if (from_environment) {
    selector.bypass_rules_ = true;
    selector.no_proxy_ = Environment("NO_PROXY", "no_proxy");
    NX_ASSIGN_OR_RETURN(selector.http_proxy_, ParseProxy(Environment("HTTP_PROXY", "http_proxy")));
    NX_ASSIGN_OR_RETURN(selector.https_proxy_,
                        ParseProxy(Environment("HTTPS_PROXY", "https_proxy")));
    return selector;
  }
  selector.bypass_rules_ = !no_proxy.empty();
  selector.no_proxy_ = no_proxy;
  NX_ASSIGN_OR_RETURN(selector.http_proxy_, ParseProxy(proxy_url));
  selector.https_proxy_ = selector.http_proxy_;
  return selector;
}

const Url* ProxySelector::Select(const Url& target) const {
  const std::optional<Url>& proxy = target.scheme == "https" ? https_proxy_ : http_proxy_;
  if (!proxy) return nullptr;
  if (bypass_rules_ && Bypasses(no_proxy_, target.host, target.effective_port())) return nullptr;
  return &*proxy;
}

bool ProxySelector::Bypasses(const std::string& no_proxy, const std::string& host,
                             const std::string& port) {
  const std::string name = AsciiLower(host);
  if (name == "localhost") return true;
  const auto ip = ParseIp(name);
  if (ip && IsLoopback(*ip)) return true;
  std::string_view rest = no_proxy;
  while (!rest.empty()) {
    std::string item = AsciiLower(NextItem(&rest));
    if (item.empty()) continue;
    if (item == "*") return true;
    if (item.find('/') != std::string::npos) {
      if (ip && InBlock(*ip, item)) return true;
      continue;
    }
    if (!ParseIp(item)) {
      const size_t colon = item.rfind(':');
      if (colon != std::string::npos) {
        if (item.substr(colon + 1) != port) continue;
        item.resize(colon);
      }
      if (item.starts_with('[') && item.ends_with(']')) item = item.substr(1, item.size() - 2);
    }
    const auto item_ip = ParseIp(item);
    if (item_ip) {
      if (ip && *ip == *item_ip) return true;
      continue;
    }
    if (item.starts_with("*.")) item.erase(0, 1);
    if (item.starts_with('.')) {
      if (name.ends_with(item)) return true;
    } else if (name == item || name.ends_with("." + item)) {
      return true;
    }
  }
  return false;
}

}  // namespace narthex::http
