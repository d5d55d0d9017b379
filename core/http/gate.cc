#include "core/http/gate.h"

#include <algorithm>

#include "core/http/ascii.h"
#include "core/http/bcrypt.h"
#include "core/http/credentials.h"
#include "core/log/log.h"
#include "core/tls/digest.h"

namespace narthex::http {
namespace {

constexpr size_t kRemembered = 100;
constexpr size_t kMaxWaiting = 256;

bool SplitBasic(std::string_view header, std::string* user, std::string* password) {
  if (header.size() < 6 || !EqualsIgnoreCase(header.substr(0, 6), "basic ")) return false;
  const auto decoded = Base64Decode(header.substr(6));
  if (!decoded) return false;
  const size_t colon = decoded->find(':');
  if (colon == std::string::npos) return false;
  *user = decoded->substr(0, colon);
  *password = decoded->substr(colon + 1);
  return true;
}

}  // namespace

bool TokenBucket::Take(int64_t burst, int64_t interval_nanos, int64_t now_nanos) {
  MutexLock lock(mutex_);
  if (burst != burst_ || interval_nanos != interval_) {
    burst_ = burst;
    interval_ = interval_nanos;
    tokens_ = static_cast<double>(burst);
    last_ = now_nanos;
  }
  const double earned = static_cast<double>(now_nanos - last_) / static_cast<double>(interval_);
  tokens_ = std::min(static_cast<double>(burst_), tokens_ + std::max(0.0, earned));
  last_ = now_nanos;
  if (tokens_ < 1) return false;
  tokens_ -= 1;
  return true;
}

void Gate::Memory::Add(const std::string& key) {
  if (!keys.insert(key).second) return;
  order.push_back(key);
  if (order.size() <= kRemembered) return;
  keys.erase(order.front());
  order.pop_front();
}

Gate::Gate(const std::string& path, const std::string& thread_name, const Clock& clock)
    : clock_(clock),
      file_(path.empty() ? nullptr : std::make_unique<WebConfigFile>(path)),
      secret_(tls::RandomBytes(32)) {
  if (file_ != nullptr) checker_ = std::make_unique<WorkerPool>(thread_name, 1, 1, kMaxWaiting);
}

void Gate::Stop() {
  if (checker_ != nullptr) checker_->Stop();
}

Gate::Result Gate::Check(const Headers& headers, std::function<void(Verdict)> done) {
  if (file_ == nullptr) return {};
  auto current = file_->Current();
  if (!current.ok()) {
    static LogLimiter limiter(10'000);
    int64_t suppressed = 0;
    if (limiter.Allow(&suppressed)) {
      NX_LOG(Error, "Unable to parse configuration", {"err", current.status()},
             {"suppressed", suppressed});
    }
    return {Verdict::kBroken, nullptr};
  }
  std::shared_ptr<const WebConfig> config = *std::move(current);
  if (config->rate_interval_nanos > 0 &&
      !bucket_.Take(config->rate_burst, config->rate_interval_nanos, clock_.MonotonicNanos())) {
    return {Verdict::kTooMany, config};
  }
  if (config->users.empty()) return {Verdict::kPass, config};
  std::string user, password;
  if (!SplitBasic(headers.Get("Authorization"), &user, &password)) {
    return {Verdict::kUnauthorized, config};
  }
  const auto known = config->users.find(user);
  const bool exists = known != config->users.end();
  // An unknown user is measured against somebody else's hash, for the same time, and refused.
  const std::string& hash = exists ? known->second : config->users.begin()->second;
  // Lengths in front: no two different triples give the same text.
  const std::string key = tls::Sha256(
      fmt::format("{}{}:{}:{}{}{}", secret_, user.size(), hash.size(), user, hash, password));
  {
    MutexLock lock(mutex_);
    if (accepted_.keys.contains(key)) return {Verdict::kPass, config};
    if (refused_.keys.contains(key)) return {Verdict::kUnauthorized, config};
  }
  const bool queued = checker_->Submit([this, password, hash, key, exists, done = std::move(done)] {
    const bool good = BcryptMatches(password, hash) && exists;
    {
      MutexLock lock(mutex_);
      (good ? accepted_ : refused_).Add(key);
    }
    done(good ? Verdict::kPass : Verdict::kUnauthorized);
  });
  return {queued ? Verdict::kPending : Verdict::kBusy, config};
}

}  // namespace narthex::http
