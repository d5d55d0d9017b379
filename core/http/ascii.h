#pragma once
// ASCII-only text helpers of HTTP: header names and tokens know no locale.

#include <string>
#include <string_view>

namespace narthex::http {

inline char ToLower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

inline bool EqualsIgnoreCase(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i) {
    if (ToLower(a[i]) != ToLower(b[i])) return false;
  }
  return true;
}

inline std::string AsciiLower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = ToLower(c);
  return out;
}

inline std::string_view Trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// Cuts `list` at the next `separator` and returns the trimmed part in front of it.
inline std::string_view NextItem(std::string_view* list, char separator = ',') {
  const size_t end = list->find(separator);
  const std::string_view item = list->substr(0, end);
  *list = end == std::string_view::npos ? std::string_view() : list->substr(end + 1);
  return Trim(item);
}

// True when a comma-separated header value contains the token, ignoring case.
inline bool HasToken(std::string_view list, std::string_view token) {
  while (!list.empty()) {
    if (EqualsIgnoreCase(NextItem(&list), token)) return true;
  }
  return false;
}

}  // namespace narthex::http
