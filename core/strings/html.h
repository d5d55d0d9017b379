#pragma once
// Text inside of HTML, as Go's html.EscapeString: & < > " and ' become entities.

#include <string>
#include <string_view>

namespace narthex {

std::string EscapeHtml(std::string_view text);

}  // namespace narthex
