#pragma once
// The TLS side of a client. Its files are looked at for every request, and the context is made anew
// when their content has changed. Thread-safe.

#include <sys/stat.h>

#include <array>
#include <memory>
#include <string>

#include "core/base/mutex.h"
#include "core/http/client.h"
#include "core/tls/tls.h"

namespace narthex::http {

class ClientTls {
 public:
  explicit ClientTls(TlsConfig config) : config_(std::move(config)) {}

  // The same as before while the files are; then it costs a stat of each.
  StatusOr<std::shared_ptr<const tls::Context>> Current() EXCLUDES(mutex_);
  // The name to ask for and verify when talking to `host`.
  const std::string& ServerName(const std::string& host) const {
    return config_.server_name.empty() ? host : config_.server_name;
  }
  bool has_files() const {
    return !config_.ca_file.empty() || !config_.cert_file.empty() || !config_.key_file.empty() ||
           !config_.ca.empty() || !config_.cert.empty() || !config_.min_version.empty() ||
           !config_.max_version.empty();
  }

 private:
  // What a file looks like from outside; zeros when it is not there, or none is named.
  struct Stamp {
    uint64_t device = 0, inode = 0, size = 0;
    int64_t modified_ns = 0, changed_ns = 0;
    friend bool operator==(const Stamp&, const Stamp&) = default;
  };
  using Stamps = std::array<Stamp, 3>;

  Stamps LookAtFiles() const;
  StatusOr<tls::ClientSettings> ReadSettings() const;

  const TlsConfig config_;
  Mutex mutex_;
  Stamps stamps_ GUARDED_BY(mutex_);
  // No: a change so soon after the last one might not show in the stamps.
  bool settled_ GUARDED_BY(mutex_) = false;
  std::string ca_ GUARDED_BY(mutex_), certificate_ GUARDED_BY(mutex_), key_ GUARDED_BY(mutex_);
  std::shared_ptr<const tls::Context> context_ GUARDED_BY(mutex_);
};

}  // namespace narthex::http
