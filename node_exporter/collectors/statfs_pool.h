#pragma once
// Runs statfs(2), which can hang for ever on a dead network mount, on threads of its own.
//
// At most `workers` threads run calls that are not overdue; an overdue call keeps its thread but
// leaves its place to another, and its mount point is not called again until it came back. So there
// is at most one hung thread for a hung mount.
//
// Threads: the workers cannot be joined while the kernel holds them; they share ownership of the
// state, which outlives the pool, and end on their own.
// Thread safety: Run may be called concurrently.

#include <sys/statfs.h>

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace narthex::node {

class StatfsPool {
 public:
  // Returns 0 or an errno.
  using Call = std::function<int(const std::string& path, struct statfs* out)>;
  StatfsPool(size_t workers, std::chrono::milliseconds timeout, Call call = nullptr);
  ~StatfsPool();

  struct Result {
    bool timed_out = false;
    int error = 0;
    struct statfs stats{};
  };
  // In the order of the paths. Takes no longer than the time-out.
  std::vector<Result> Run(const std::vector<std::string>& paths);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace narthex::node
