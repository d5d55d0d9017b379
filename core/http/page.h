#pragma once
// The beginning of the plain pages that programs without an application in the browser show: no
// scripts, readable on narrow screens, light or dark as the reader has it.

#include <string>
#include <string_view>

namespace narthex::http {

// Up to and with the heading; the caller closes body and html.
std::string PageHead(std::string_view title);

}  // namespace narthex::http
