#pragma once
// Where a program's routes are: what --web.route-prefix and --web.external-url mean, and the
// redirects that lead there.

#include <string>
#include <string_view>

#include "core/base/status.h"
#include "core/http/server.h"

namespace narthex::http {

// The path of an external URL, "" or "/path" without a slash at its end. The URL may be a path
// alone.
StatusOr<std::string> ExternalPath(std::string_view external_url);

// The prefix of all routes, "" or "/prefix": what the flag says, else the path of the external URL.
StatusOr<std::string> RoutePrefix(std::string_view flag, std::string_view external_url);

// /prefix leads to /prefix/ and, when `from_root`, / to /prefix. Nothing where there is no prefix.
void RedirectToPrefix(Router& router, const std::string& prefix, bool from_root);

}  // namespace narthex::http
