#include "core/http/client_tls.h"

#include <algorithm>

#include "core/base/clock.h"
#include "core/base/file.h"

namespace narthex::http {
namespace {

constexpr size_t kMaxPemBytes = 16 << 20;

StatusOr<std::string> InlineOrFile(const std::string& text, const std::string& file) {
  if (file.empty()) return text;
  return ReadFile(file, kMaxPemBytes);
}

}  // namespace

StatusOr<tls::ClientSettings> ClientTls::ReadSettings() const {
  tls::ClientSettings settings;
  const auto ca = InlineOrFile(config_.ca, config_.ca_file);
  if (!ca.ok()) return FailedPrecondition("unable to read CA cert: {}", MessageOf(ca.status()));
  const auto certificate = InlineOrFile(config_.cert, config_.cert_file);
  const auto key = InlineOrFile(config_.key, config_.key_file);
  if (!certificate.ok() || !key.ok()) {
    return FailedPrecondition("unable to read specified client cert ({}) & key ({}): {}",
                              config_.cert_file, config_.key_file,
                              MessageOf(certificate.ok() ? key.status() : certificate.status()));
  }
  settings.ca_pem = *ca;
  settings.certificate_pem = *certificate;
  settings.key_pem = *key;
  settings.skip_verify = config_.insecure_skip_verify;
  if (!config_.min_version.empty()) {
    NX_ASSIGN_OR_RETURN(settings.min_version, tls::ParseVersion(config_.min_version));
  }
  if (!config_.max_version.empty()) {
    NX_ASSIGN_OR_RETURN(settings.max_version, tls::ParseVersion(config_.max_version));
  }
  return settings;
}

ClientTls::Stamps ClientTls::LookAtFiles() const {
  constexpr int64_t kSecond = 1'000'000'000;
  Stamps stamps;
  size_t next = 0;
  for (const std::string* file : {&config_.ca_file, &config_.cert_file, &config_.key_file}) {
    Stamp& stamp = stamps[next++];
    struct stat status{};
    if (file->empty() || ::stat(file->c_str(), &status) != 0) continue;
    stamp = {.device = status.st_dev,
             .inode = status.st_ino,
             .size = static_cast<uint64_t>(status.st_size),
             .modified_ns = status.st_mtim.tv_sec * kSecond + status.st_mtim.tv_nsec,
             .changed_ns = status.st_ctim.tv_sec * kSecond + status.st_ctim.tv_nsec};
  }
  return stamps;
}

StatusOr<std::shared_ptr<const tls::Context>> ClientTls::Current() {
  // Far more than the clock of a file system takes to move on.
  constexpr int64_t kSettledNs = 2'000'000'000;
  const Stamps stamps = LookAtFiles();
  const int64_t now_ns = Clock::System().NowMs() * 1'000'000;
  {
    MutexLock lock(mutex_);
    if (context_ != nullptr && settled_ && stamps == stamps_) return context_;
  }
  NX_ASSIGN_OR_RETURN(const tls::ClientSettings settings, ReadSettings());
  MutexLock lock(mutex_);
  stamps_ = stamps;
  settled_ = std::all_of(stamps.begin(), stamps.end(), [&](const Stamp& stamp) {
    return stamp.changed_ns < now_ns - kSettledNs;
  });
  if (context_ != nullptr && settings.ca_pem == ca_ && settings.certificate_pem == certificate_ &&
      settings.key_pem == key_) {
    return context_;
  }
  auto context = tls::Context::ForClient(settings);
  if (!context.ok()) {
    return FailedPrecondition("unable to use the TLS configuration (ca {}, cert {}, key {}): {}",
                              config_.ca_file, config_.cert_file, config_.key_file,
                              MessageOf(context.status()));
  }
  context_ = *std::move(context);
  ca_ = settings.ca_pem;
  certificate_ = settings.certificate_pem;
  key_ = settings.key_pem;
  return context_;
}

}  // namespace narthex::http
