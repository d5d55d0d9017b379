#include "server/discovery/meta_labels.h"

#include <fmt/format.h>

namespace narthex::discovery {

std::string SanitizeLabelName(std::string_view name) {
  std::string out;
  out.reserve(name.size());
  for (const char c : name) {
    const bool legal =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
    if (legal) {
      out += c;
    } else if ((static_cast<unsigned char>(c) & 0xC0) != 0x80) {  // once a character of UTF-8
      out += '_';
    }
  }
  return out;
}

std::string JoinHostPort(std::string_view host, int64_t port) {
  if (host.find_first_of(":%") != std::string_view::npos) return fmt::format("[{}]:{}", host, port);
  return fmt::format("{}:{}", host, port);
}

}  // namespace narthex::discovery
