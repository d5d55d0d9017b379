#pragma once
// Paths as Go's ServeMux, which all upstream programs use, wants them: it redirects from any other.

#include <string>
#include <string_view>

namespace narthex::http {

// Without //, . and .. segments; a slash at the end stays.
std::string CleanPath(std::string_view path);
// Is it what CleanPath would make of it? Allocates nothing.
bool IsCleanPath(std::string_view path);

// Where a request for a path that is not clean is sent: the clean one, escaped, with the query.
std::string CleanLocation(std::string_view path, std::string_view raw_query);

}  // namespace narthex::http
