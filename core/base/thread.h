#pragma once
// Named threads, and the group that owns the long-running parts of a process.
//
// RunGroup starts its parts in order and stops them in reverse. A part is a start function and a
// stop function; stop blocks until the part has ended. Not thread-safe: the main thread owns it.

#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "core/base/status.h"

namespace narthex {

// Names the calling thread (15 characters at most are kept) for ps, gdb and /proc.
void SetThreadName(std::string_view name);

// A joined-on-destruction thread that carries a name.
class NamedThread {
 public:
  NamedThread() = default;
  NamedThread(std::string name, std::function<void()> body);
  NamedThread(NamedThread&&) = default;
  NamedThread& operator=(NamedThread&&) = default;
  void Join() {
    if (thread_.joinable()) thread_.join();
  }

 private:
  std::jthread thread_;
};

class RunGroup {
 public:
  ~RunGroup() { Stop(); }
  void Add(std::string name, std::function<Status()> start, std::function<void()> stop);
  // Stops what was started when a later part fails, and returns that failure with the part's name.
  Status Start();
  void Stop();

 private:
  struct Part {
    std::string name;
    std::function<Status()> start;
    std::function<void()> stop;
  };
  std::vector<Part> parts_;
  size_t running_ = 0;
};

}  // namespace narthex
