#pragma once
// The token that names a rule group in the pages of /api/v1/rules: SHA-256 of "file;group", in hex.

#include <string>
#include <string_view>

namespace narthex::api {

std::string GroupToken(std::string_view file, std::string_view group);

}  // namespace narthex::api
