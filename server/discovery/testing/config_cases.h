#pragma once
// Texts of `<mechanism>_sd_configs` entries, and what is said about them.

#include <initializer_list>
#include <string>
#include <string_view>

#include "core/config/decode.h"
#include "tests/catch.h"

namespace narthex::discovery {

struct ConfigCase {
  std::string_view text;
  std::string_view error;  // part of it; "" when it is fine
};

template <typename Config>
void CheckConfigs(std::initializer_list<ConfigCase> cases) {
  for (const ConfigCase& c : cases) {
    INFO(c.text);
    Config config;
    const Status status = config::Decode(c.text, &config);
    const std::string message(MessageOf(status));
    INFO(message);
    CHECK(status.ok() == c.error.empty());
    CHECK(message.find(c.error) != std::string::npos);
  }
}

}  // namespace narthex::discovery
