#include "kube_state_metrics/families/label_text.h"

#include <fmt/format.h>

#include "core/base/string_map.h"

namespace narthex::ksm {
namespace {

bool IsLower(char c) { return c >= 'a' && c <= 'z'; }
bool IsUpper(char c) { return c >= 'A' && c <= 'Z'; }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// An underscore goes before a capital that follows a small letter or a digit; then all is lowered.
// Pairs do not overlap, as a regular expression that replaces them would have it.
std::string SnakeCase(std::string_view text) {
  std::string out;
  out.reserve(text.size() + 4);
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    out.push_back(IsUpper(c) ? static_cast<char>(c - 'A' + 'a') : c);
    if ((IsLower(c) || IsDigit(c)) && i + 1 < text.size() && IsUpper(text[i + 1])) out += '_';
  }
  return out;
}

}  // namespace

std::string SanitizeLabelName(std::string_view name) {
  std::string out(name);
  for (char& c : out) {
    if (!IsLower(c) && !IsUpper(c) && !IsDigit(c)) c = '_';
  }
  return out;
}

void AppendEscaped(std::string* out, std::string_view value) {
  size_t begin = 0;
  for (size_t i = 0; i < value.size(); ++i) {
    const char c = value[i];
    if (c != '\\' && c != '"' && c != '\n') continue;
    out->append(value.substr(begin, i - begin)).push_back('\\');
    out->push_back(c == '\n' ? 'n' : c);
    begin = i + 1;
  }
  out->append(value.substr(begin));
}

void AppendLabel(std::string* out, std::string_view name, std::string_view value) {
  out->append(name).append("=\"");
  AppendEscaped(out, value);
  out->push_back('"');
}

std::vector<std::pair<std::string, std::string>> MapLabels(
    std::string_view prefix, const std::map<std::string, std::string, std::less<>>& map) {
  struct Seen {
    int count = 1;
    size_t first = 0;
  };
  StringMap<Seen> seen;
  std::vector<std::pair<std::string, std::string>> labels;
  labels.reserve(map.size());
  for (const auto& [key, value] : map) {
    std::string name = fmt::format("{}_{}", prefix, SnakeCase(SanitizeLabelName(key)));
    const auto [found, is_new] = seen.try_emplace(name, Seen{.first = labels.size()});
    if (!is_new) {
      Seen& s = found->second;
      if (s.count == 1) labels[s.first].first += "_conflict1";
      name += fmt::format("_conflict{}", ++s.count);
    }
    labels.emplace_back(std::move(name), value);
  }
  return labels;
}

}  // namespace narthex::ksm
