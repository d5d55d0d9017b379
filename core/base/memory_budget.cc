#include "core/base/memory_budget.h"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <string_view>
#include <utility>

#include "core/base/file.h"

namespace narthex {
namespace {

constexpr int64_t kLookEveryMs = 250;
constexpr uint64_t kNoLimit = uint64_t{1} << 60;  // version 1 says "none" by a number like this

// The limit in one file; kNoLimit when there is none.
uint64_t LimitIn(const std::string& path) {
  const auto text = ReadFile(path);
  if (!text.ok()) return kNoLimit;
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
  return error != std::errc() || value == 0 ? kNoLimit : value;
}

// The lowest limit of a group and those above it.
uint64_t LowestLimit(const std::string& root, std::string group, const char* name) {
  uint64_t lowest = LimitIn(root + "/" + name);
  while (group.size() > 1) {
    lowest = std::min(lowest, LimitIn(root + group + "/" + name));
    group.resize(group.rfind('/') == std::string::npos ? 0 : group.rfind('/'));
  }
  return lowest;
}

bool HasMemory(std::string_view controllers) {
  while (!controllers.empty()) {
    const size_t comma = controllers.find(',');
    if (controllers.substr(0, comma) == "memory") return true;
    controllers.remove_prefix(comma == std::string_view::npos ? controllers.size() : comma + 1);
  }
  return false;
}

}  // namespace

uint64_t CgroupMemoryLimit(const std::string& cgroup_file, const std::string& mount) {
  const std::string text = ReadFile(cgroup_file).value_or("");
  uint64_t lowest = kNoLimit;
  for (std::string_view rest = text; !rest.empty();) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    // hierarchy:controllers:group
    const size_t first = line.find(':');
    const size_t second = first == std::string_view::npos ? first : line.find(':', first + 1);
    if (second == std::string_view::npos) continue;
    const std::string_view controllers = line.substr(first + 1, second - first - 1);
    const std::string group(line.substr(second + 1));
    if (controllers.empty()) {
      lowest = std::min(lowest, LowestLimit(mount, group, "memory.max"));
    } else if (HasMemory(controllers)) {
      lowest = std::min(lowest, LowestLimit(mount + "/memory", group, "memory.limit_in_bytes"));
    }
  }
  return lowest >= kNoLimit ? 0 : lowest;
}

uint64_t AnonymousMemory() {
  const std::string text = ReadFile("/proc/self/statm").value_or("");
  unsigned long size = 0, resident = 0, shared = 0;
  if (std::sscanf(text.c_str(), "%lu %lu %lu", &size, &resident, &shared) != 3) return 0;
  static const auto page = static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
  return (resident - std::min(resident, shared)) * page;
}

MemoryBudget::MemoryBudget(uint64_t bytes, std::function<uint64_t()> usage)
    : bytes_(bytes), usage_(std::move(usage)) {}

bool MemoryBudget::Exhausted() {
  if (bytes_ == 0) return false;
  const int64_t now = std::chrono::duration_cast<std::chrono::milliseconds>(
                          std::chrono::steady_clock::now().time_since_epoch())
                          .count();
  int64_t due = next_look_.load(std::memory_order_relaxed);
  if (now >= due && next_look_.compare_exchange_strong(due, now + kLookEveryMs)) {
    exhausted_.store(usage_() >= bytes_, std::memory_order_relaxed);
  }
  return exhausted_.load(std::memory_order_relaxed);
}

}  // namespace narthex
