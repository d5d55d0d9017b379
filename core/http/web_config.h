#pragma once
// The web.config.file of every server: TLS, basic authentication, response headers, rate limit.
//
// WebConfigFile follows the file and those it names: each look compares their stat(2) data and
// reads anew what has changed, so new certificates and users apply at once. What it hands out is
// immutable.
//
// Thread safety: WebConfigFile from any thread.

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/base/mutex.h"
#include "core/base/status.h"
#include "core/tls/tls.h"

namespace narthex::http {

struct WebConfig {
  bool has_tls = false;
  tls::ServerSettings tls;
  std::vector<std::string> files;  // besides the configuration file: certificate, key, authorities
  std::map<std::string, std::string> headers;
  std::map<std::string, std::string> users;  // name -> bcrypt hash
  int64_t rate_burst = 0;
  int64_t rate_interval_nanos = 0;  // 0: no limit
};

// Parses and checks the text; reads certificates relative to `directory`. Any input is safe.
StatusOr<WebConfig> ParseWebConfig(std::string_view text, const std::string& directory);

class WebConfigFile {
 public:
  explicit WebConfigFile(std::string path) : path_(std::move(path)) {}

  // The configuration as the files are now, or what is wrong with them now.
  StatusOr<std::shared_ptr<const WebConfig>> Current() EXCLUDES(mutex_);
  // The same for handshakes; FailedPrecondition when the file has no TLS (any more).
  StatusOr<std::shared_ptr<const tls::Context>> CurrentTls() EXCLUDES(mutex_);

 private:
  // Identity, times and size of a file: what changes when it is replaced or rewritten.
  struct Stamp {
    int64_t fields[6] = {};
    friend bool operator==(const Stamp&, const Stamp&) = default;
  };
  static Stamp StampOf(const std::string& path);
  void Refresh() REQUIRES(mutex_);
  void Load() REQUIRES(mutex_);

  const std::string path_;
  Mutex mutex_;
  std::vector<std::pair<std::string, Stamp>> stamps_ GUARDED_BY(mutex_);
  Status status_ GUARDED_BY(mutex_);
  std::shared_ptr<const WebConfig> config_ GUARDED_BY(mutex_);
  std::shared_ptr<const tls::Context> context_ GUARDED_BY(mutex_);
};

}  // namespace narthex::http
