#pragma once
// Synthetic scrape targets: one HTTP server, many paths, each a target with its own series.
//
// A series has ten labels (six of them the same for the whole target) and about 235 bytes of text.
// 30 % of the values change from scrape to scrape: counters by small steps, gauges with three
// decimals; the rest stays, as on real exporters. Each client has values of its own, which move
// only when it scrapes: /<client>/<target>.
//
// Thread safety: Body may be called concurrently for different targets and the same one.

#include <atomic>
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
  Targets(int clients, int targets, int series_per_target, bool gzip);
  // Starts listening on a free port of 127.0.0.1.
  Status Start();
  int port() const { return server_->ports().at(0); }
  // From now on every scrape finds that many per cent of a target's series replaced by new ones.
  void SetChurn(int percent) { churn_percent_.store(percent); }
  // Series that replaced others in what this client was sent.
  int64_t churned(int client) const { return clients_[static_cast<size_t>(client)]->churned; }

 private:
  // What one client sees of one target.
  struct Target {
    Mutex mutex;
    std::vector<double> values GUARDED_BY(mutex);
    std::vector<uint32_t> generations GUARDED_BY(mutex);  // 0: as at the start
    uint64_t random GUARDED_BY(mutex) = 0;
    size_t next_churned GUARDED_BY(mutex) = 0;
  };
  struct Client {
    std::vector<std::unique_ptr<Target>> targets;
    std::atomic<int64_t> churned{0};
  };
  void Churn(Client& client, Target& target) REQUIRES(target.mutex);
  std::string Body(Client& client, size_t index);

  const bool gzip_;
  std::atomic<int> churn_percent_{0};
  std::vector<std::vector<std::string>> prefixes_;  // by target: series text up to the value
  std::vector<std::unique_ptr<Client>> clients_;
  std::unique_ptr<http::Server> server_;
};

}  // namespace narthex::bench
