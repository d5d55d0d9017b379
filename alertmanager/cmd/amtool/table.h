#pragma once
// Text in columns, as Go's text/tabwriter lays it out with two blanks between columns: scripts cut
// amtool's tables by column, so texts with tabs and newlines of their own must break them alike.

#include <string>
#include <string_view>

namespace narthex::am {

// Cells end in tabs, lines in newlines; what follows the last tab of a line is in no column. A
// column is as wide as its widest cell among adjacent lines that have it.
std::string AlignColumns(std::string_view text);

}  // namespace narthex::am
