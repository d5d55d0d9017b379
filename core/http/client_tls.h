#pragma once
// The TLS side of a client: its files are read again for every new connection, and the context is
// made anew when their content has changed. Thread-safe.

#include <memory>
#include <string>

#include "core/base/mutex.h"
#include "core/http/client.h"
#include "core/tls/tls.h"

namespace narthex::http {

class ClientTls {
 public:
  explicit ClientTls(TlsConfig config) : config_(std::move(config)) {}

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
  StatusOr<tls::ClientSettings> ReadSettings() const;

  const TlsConfig config_;
  Mutex mutex_;
  std::string ca_ GUARDED_BY(mutex_), certificate_ GUARDED_BY(mutex_), key_ GUARDED_BY(mutex_);
  std::shared_ptr<const tls::Context> context_ GUARDED_BY(mutex_);
};

}  // namespace narthex::http
