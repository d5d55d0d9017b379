#pragma once
// Synthetic scrape targets: one HTTP server, many paths, each a target with its own series.
//
// A series has ten labels (six of them the same for the whole target) and about 235 bytes of text.
// 30 % of the values change from scrape to scrape: counters by small steps, gauges with three
// decimals; the rest stays, as on real exporters.
//
// Thread safety: Body may be called concurrently for different targets and the same one.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/base/mutex.h"
#include "core/http/server.h"

namespace narthex::bench {

class Targets {
 public:
  // Without `gzip` the bodies are sent as they are, whatever the scraper asks for.
  Targets(int targets, int series_per_target, bool gzip);
  // Starts listening on a free port of 127.0.0.1.
  Status Start();
  int port() const { return server_->ports().at(0); }
  int count() const { return static_cast<int>(targets_.size()); }

 private:
  struct Target {
    Mutex mutex;
    std::vector<std::string> prefixes GUARDED_BY(mutex);  // series text up to the value
    std::vector<double> values GUARDED_BY(mutex);
    uint64_t random GUARDED_BY(mutex) = 0;
  };
  std::string Body(Target& target);

  const bool gzip_;
  std::vector<std::unique_ptr<Target>> targets_;
  std::unique_ptr<http::Server> server_;
};

}  // namespace narthex::bench
