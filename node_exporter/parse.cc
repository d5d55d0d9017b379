#include "node_exporter/parse.h"

#include <charconv>

#include "core/base/file.h"
#include "core/strings/quote.h"

namespace narthex::node {

StatusOr<std::string> ReadKernelFile(const std::string& path) {
  return ReadFile(path, kMaxKernelFile);
}

std::optional<std::string> ReadTrimmed(const std::string& path) {
  auto text = ReadFile(path, kMaxKernelFile);
  if (!text.ok()) return std::nullopt;
  return std::string(TrimSpace(*text));
}

std::vector<std::string_view> Words(std::string_view line) {
  std::vector<std::string_view> words;
  constexpr std::string_view kSpace = " \t\r\n\v\f";
  for (size_t at = line.find_first_not_of(kSpace); at != std::string_view::npos;) {
    const size_t end = std::min(line.find_first_of(kSpace, at), line.size());
    words.push_back(line.substr(at, end - at));
    at = line.find_first_not_of(kSpace, end);
  }
  return words;
}

std::optional<double> Number(std::string_view word) {
  double value = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
  if (error != std::errc() || end != word.data() + word.size()) return std::nullopt;
  return value;
}

StatusOr<std::vector<int>> ParseCpuList(std::string_view text) {
  constexpr int kMaxCpus = 1 << 16;
  std::vector<int> cpus;
  const auto parse = [](std::string_view word, int* out) {
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), *out);
    return error == std::errc() && end == word.data() + word.size() && *out >= 0 && *out < kMaxCpus;
  };
  text = TrimSpace(text);
  if (text.empty()) return cpus;
  for (std::string_view part : SplitString(text, ',')) {
    const size_t dash = part.find('-');
    int first = 0, last = 0;
    if (!parse(part.substr(0, dash), &first)) return InvalidArgument("invalid CPU list {}", text);
    last = first;
    if (dash != std::string_view::npos && !parse(part.substr(dash + 1), &last)) {
      return InvalidArgument("invalid CPU list {}", text);
    }
    for (int cpu = first; cpu <= last; ++cpu) cpus.push_back(cpu);
  }
  return cpus;
}

std::string SanitizeMetricName(std::string_view name) {
  const auto is_word = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';
  };
  std::string out;
  for (size_t i = 0; i < name.size();) {
    // One match of _*[^0-9A-Za-z_]+_* starting here, or one character copied.
    size_t end = i;
    while (end < name.size() && name[end] == '_') ++end;
    if (end == name.size() || is_word(name[end])) {
      out += name[i++];
      continue;
    }
    while (end < name.size() && !is_word(name[end])) ++end;
    while (end < name.size() && name[end] == '_') ++end;
    out += '_';
    i = end;
  }
  return out;
}

}  // namespace narthex::node
