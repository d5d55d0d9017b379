#include "core/http/resolver.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <cstring>

namespace narthex::http {
namespace {

using std::chrono::seconds;
using std::chrono::steady_clock;

// Long enough for a burst of scrapes, short enough that a moved service is found again.
constexpr seconds kPositiveTtl{5};
constexpr seconds kNegativeTtl{1};
constexpr size_t kMaxCached = 10000;
constexpr size_t kMaxQueued = 10000;

bool ParseLiteral(const std::string& host, SocketAddress* out) {
  auto& v4 = reinterpret_cast<sockaddr_in&>(out->storage);
  if (::inet_pton(AF_INET, host.c_str(), &v4.sin_addr) == 1) {
    v4.sin_family = AF_INET;
    out->length = sizeof v4;
    return true;
  }
  auto& v6 = reinterpret_cast<sockaddr_in6&>(out->storage);
  if (::inet_pton(AF_INET6, host.c_str(), &v6.sin6_addr) == 1) {
    v6.sin6_family = AF_INET6;
    out->length = sizeof v6;
    return true;
  }
  return false;
}

StatusOr<std::vector<SocketAddress>> AskSystem(const std::string& host) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_ADDRCONFIG;
  addrinfo* raw = nullptr;
  int failed = ::getaddrinfo(host.c_str(), nullptr, &hints, &raw);
  if (failed == EAI_NONAME || failed == EAI_ADDRFAMILY || failed == EAI_NODATA) {
    // AI_ADDRCONFIG knows no addresses on a host that has only loopback.
    hints.ai_flags = 0;
    failed = ::getaddrinfo(host.c_str(), nullptr, &hints, &raw);
  }
  if (failed == EAI_AGAIN) return Unavailable("lookup {}: server misbehaving", host);
  if (failed != 0) return Unavailable("lookup {}: no such host", host);
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> list(raw, ::freeaddrinfo);
  std::vector<SocketAddress> addresses;
  for (const addrinfo* item = list.get(); item != nullptr; item = item->ai_next) {
    SocketAddress address;
    std::memcpy(&address.storage, item->ai_addr, item->ai_addrlen);
    address.length = item->ai_addrlen;
    addresses.push_back(address);
  }
  if (addresses.empty()) return Unavailable("lookup {}: no such host", host);
  return addresses;
}

}  // namespace

std::string SocketAddress::ToString() const {
  char text[INET6_ADDRSTRLEN] = "";
  if (storage.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(storage);
    ::inet_ntop(AF_INET, &v4.sin_addr, text, sizeof text);
    return fmt::format("{}:{}", text, ntohs(v4.sin_port));
  }
  if (storage.ss_family == AF_INET6) {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(storage);
    ::inet_ntop(AF_INET6, &v6.sin6_addr, text, sizeof text);
    return fmt::format("[{}]:{}", text, ntohs(v6.sin6_port));
  }
  if (storage.ss_family == AF_UNIX) return reinterpret_cast<const sockaddr_un&>(storage).sun_path;
  return "?";
}

Resolver::Resolver(std::string thread_name, int threads)
    : pool_(std::move(thread_name), threads, threads, kMaxQueued) {}

void Resolver::Resolve(const std::string& host, Callback callback) {
  SocketAddress literal;
  if (ParseLiteral(host, &literal)) return callback(std::vector<SocketAddress>{literal});
  if (host.find('\0') != std::string::npos || host.size() > 253) {
    return callback(Unavailable("lookup {}: no such host", host));
  }
  std::shared_ptr<const Answer> cached;
  bool ask = false;
  {
    MutexLock lock(mutex_);
    const auto found = cache_.find(host);
    if (found != cache_.end() && found->second.expires > steady_clock::now()) {
      cached = found->second.answer;
    } else {
      auto& waiting = waiting_[host];
      ask = waiting.empty();
      waiting.push_back(std::move(callback));
    }
  }
  // NOLINTNEXTLINE(bugprone-use-after-move): kept for later only when nothing is cached
  if (cached != nullptr) return callback(*cached);
  if (!ask || pool_.Submit([this, host] { Lookup(host); })) return;
  std::vector<Callback> failed;
  {
    MutexLock lock(mutex_);
    failed = std::move(waiting_[host]);
    waiting_.erase(host);
  }
  for (const Callback& waiter : failed) waiter(Unavailable("lookup {}: too many lookups", host));
}

void Resolver::Lookup(const std::string& host) {
  const auto answer = std::make_shared<const Answer>(AskSystem(host));
  std::vector<Callback> waiting;
  {
    MutexLock lock(mutex_);
    if (cache_.size() >= kMaxCached) cache_.clear();
    cache_[host] = {answer, steady_clock::now() + (answer->ok() ? kPositiveTtl : kNegativeTtl)};
    const auto found = waiting_.find(host);
    if (found != waiting_.end()) {
      waiting = std::move(found->second);
      waiting_.erase(found);
    }
  }
  for (const Callback& waiter : waiting) waiter(*answer);
}

}  // namespace narthex::http
