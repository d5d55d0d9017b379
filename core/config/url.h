#pragma once
// URLs as configuration values: kept as written, checked on reading, without password on printing.

#include <string>
#include <string_view>

#include "core/base/status.h"

namespace narthex::config {

// InvalidArgument in Go's wording (parse "…": …) for what Go's url.Parse refuses.
Status CheckUrl(std::string_view text);
// http or https with a host: Alertmanager's rule for its URLs.
Status CheckHttpUrl(std::string_view text);
// http://user:xxxxx@host/ – everything else stays as written.
std::string RedactUrl(std::string_view text);

}  // namespace narthex::config
