#pragma once
// The memory this process may have, as its cgroup says (version 2 and 1), and whether so much of it
// is taken that growth should be refused before the kernel ends the process. Only anonymous memory
// counts: pages of files can be dropped.
//
// Thread safety: all methods.

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>

namespace narthex {

// The lowest limit of the cgroup of this process and of those above it; 0: none. The arguments are
// /proc/self/cgroup and where the hierarchies are mounted.
uint64_t CgroupMemoryLimit(const std::string& cgroup_file = "/proc/self/cgroup",
                           const std::string& mount = "/sys/fs/cgroup");

// Bytes of anonymous memory of this process; 0 when unknown.
uint64_t AnonymousMemory();

class MemoryBudget {
 public:
  // 0 bytes: never exhausted. `usage` is asked at most four times a second.
  explicit MemoryBudget(uint64_t bytes, std::function<uint64_t()> usage = AnonymousMemory);

  bool Exhausted();
  uint64_t bytes() const { return bytes_; }

 private:
  const uint64_t bytes_;
  const std::function<uint64_t()> usage_;
  std::atomic<int64_t> next_look_{0};  // steady clock, milliseconds
  std::atomic<bool> exhausted_{false};
};

}  // namespace narthex
