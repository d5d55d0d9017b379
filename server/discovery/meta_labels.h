#pragma once
// What mechanisms make labels and addresses with.

#include <cstdint>
#include <string>
#include <string_view>

namespace narthex::discovery {

inline constexpr std::string_view kAddressLabel = "__address__";

// Every character that a label name of old cannot hold becomes one "_".
std::string SanitizeLabelName(std::string_view name);
// "host:port", or "[::1]:port".
std::string JoinHostPort(std::string_view host, int64_t port);

}  // namespace narthex::discovery
