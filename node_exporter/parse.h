#pragma once
// Reading the text files of /proc and /sys: whole files, lines, words, numbers.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/status.h"

namespace narthex::node {

// Limit for files the kernel makes; none comes near it.
inline constexpr size_t kMaxKernelFile = 16 << 20;

StatusOr<std::string> ReadKernelFile(const std::string& path);
// The content without white space at its ends, or nullopt when the file cannot be read.
std::optional<std::string> ReadTrimmed(const std::string& path);

// Calls visit(line) for every line, without its newline. visit may return false to stop.
template <typename Visitor>
void ForEachLine(std::string_view text, Visitor visit) {
  while (!text.empty()) {
    const size_t end = text.find('\n');
    if (!visit(text.substr(0, end))) return;
    if (end == std::string_view::npos) return;
    text.remove_prefix(end + 1);
  }
}

// Go's strings.Fields for ASCII.
std::vector<std::string_view> Words(std::string_view line);
// A decimal number as the kernel writes it; nullopt on anything else.
std::optional<double> Number(std::string_view word);

// "0-3,8" as in cpulist files.
StatusOr<std::vector<int>> ParseCpuList(std::string_view text);

// Characters outside [0-9A-Za-z_], with the underscores around them, become one underscore.
std::string SanitizeMetricName(std::string_view name);

}  // namespace narthex::node
