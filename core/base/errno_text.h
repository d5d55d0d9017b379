#pragma once
// What an errno means, in the words of Go's syscall package: "no such file or directory".

#include <cstring>
#include <string>

namespace narthex {

inline std::string ErrnoText(int error) {
  char buffer[256];
  std::string text = ::strerror_r(error, buffer, sizeof buffer);
  // Go's table is glibc's without the capital, but for abbreviations.
  if (text.size() > 1 && text[0] >= 'A' && text[0] <= 'Z' && text[1] >= 'a' && text[1] <= 'z') {
    text[0] = static_cast<char>(text[0] + ('a' - 'A'));
  }
  return text;
}

}  // namespace narthex
