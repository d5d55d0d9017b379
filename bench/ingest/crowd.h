#pragma once
// Thousands of scrape targets in one thread: every address of 127.0.0.0/8 is a target of its own.
//
// Cheap, so that what is measured beside it is the scraper: one epoll loop, a body that is rendered
// once for all targets that are at their n-th scrape, no parsing beyond the end of the request.
// A body has `series` lines with three labels, 30 % of the values change from one to the next.
//
// Each client (a server under measurement) has a port of its own. For every target the crowd notes
// when its requests arrive; the earliest place in the interval is taken for the target's slot.
//
// Thread safety: Reset and the reports from any thread.

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/base/file.h"
#include "core/base/mutex.h"
#include "core/base/status.h"
#include "core/base/thread.h"

namespace narthex::bench {

class Crowd {
 public:
  Crowd(int clients, int series, int64_t interval_ms);
  ~Crowd();
  Status Start();

  // host:port of a target of a client.
  std::string address(int client, int target) const;
  // Takes connections and requests, and never answers.
  std::string hung_address(int target) const;
  // Nobody listens.
  std::string refused_address(int target) const;
  // Its queue is full: the system drops what asks for a connection.
  std::string black_hole_address(int target) const;

  struct Lateness {
    size_t targets = 0, scrapes = 0, missed = 0;
    double p50_ms = 0, p99_ms = 0, max_ms = 0;
  };
  // Of the requests of a client since Reset.
  Lateness lateness(int client) const EXCLUDES(mutex_);
  void Reset() EXCLUDES(mutex_);

 private:
  struct Connection {
    UniqueFd fd;
    int client = 0;  // -1: hung
    uint32_t target = 0;
    int scrapes = 0;
    size_t seen = 0;  // bytes of the request so far
    std::shared_ptr<const std::string> answer;
    size_t sent = 0;
    bool stuck = false;  // waits for room to send
  };
  struct Bodies {
    std::vector<uint64_t> values;
    std::deque<std::shared_ptr<const std::string>> recent;  // complete answers
    int first = 0;                                          // the scrape of the oldest
  };

  void Run();
  void Accept(int listener, int client);
  void OnInput(Connection& connection) EXCLUDES(mutex_);
  void Send(Connection& connection);
  void WaitForRoom(Connection& connection, bool stuck);
  std::shared_ptr<const std::string> Answer(int scrape);
  void Render();

  const size_t series_;
  const int64_t interval_ns_;
  std::vector<std::string> lines_;
  Bodies bodies_;
  std::vector<UniqueFd> listeners_;  // by client; the last is that of the hung
  std::vector<int> ports_;
  UniqueFd black_hole_, black_hole_peers_[4];
  int black_hole_port_ = 0, refused_port_ = 0;
  UniqueFd epoll_;
  std::unordered_map<int, Connection> connections_;
  std::unordered_map<uint64_t, int> scrapes_;  // of a client's target, over its connections

  mutable Mutex mutex_;
  // By client: target → nanoseconds of arrival.
  std::vector<std::unordered_map<uint32_t, std::vector<int64_t>>> arrivals_ GUARDED_BY(mutex_);
  int64_t since_ GUARDED_BY(mutex_) = 0;
  std::atomic<bool> stop_{false};
  NamedThread thread_;
};

}  // namespace narthex::bench
