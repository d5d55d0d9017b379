#pragma once
// Places in a query as messages name them.

#include <string>
#include <string_view>

namespace narthex::promql {

// "3:7" for a byte offset: lines from 1, bytes of the line from 1.
std::string LineAndColumn(std::string_view text, int offset);

}  // namespace narthex::promql
