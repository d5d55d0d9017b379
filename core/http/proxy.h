#pragma once
// Which proxy, if any, a request goes through: proxy_url, no_proxy and the environment. Proxies
// speak HTTP, in the open or inside TLS, or SOCKS 5 (which looks names up itself, whether it is
// called socks5 or socks5h).
// Immutable after construction; thread-safe.

#include <optional>
#include <string>
#include <vector>

#include "core/base/status.h"
#include "core/http/types.h"

namespace narthex::http {

inline bool IsSocks(const Url& proxy) { return proxy.scheme.starts_with("socks5"); }

class ProxySelector {
 public:
  // With from_environment, HTTP_PROXY, HTTPS_PROXY and NO_PROXY (or in lower case) decide.
  // Fails for a proxy that speaks something else.
  static StatusOr<ProxySelector> Create(const std::string& proxy_url, const std::string& no_proxy,
                                        bool from_environment);
  // nullptr: go there directly.
  const Url* Select(const Url& target) const;

  // The no_proxy list: "*", addresses, CIDR blocks, "host", ".sub.domain", each with an optional
  // ":port". localhost and loopback addresses always match.
  static bool Bypasses(const std::string& no_proxy, const std::string& host,
                       const std::string& port);

 private:
  std::optional<Url> http_proxy_;
  std::optional<Url> https_proxy_;
  std::string no_proxy_;
  bool bypass_rules_ = false;  // a bare proxy_url is used for everything, loopback included
};

}  // namespace narthex::http
