#include "alertmanager/cmd/amtool/table.h"

#include <algorithm>
#include <vector>

#include "core/strings/quote.h"

namespace narthex::am {
namespace {

constexpr size_t kPadding = 2;

class Aligner {
 public:
  explicit Aligner(std::string_view text) {
    for (std::string_view line : SplitString(text, '\n')) lines_.push_back(SplitString(line, '\t'));
  }

  std::string Run() {
    Format(0, lines_.size());
    out_.pop_back();  // the newline of the last line, which the text did not have
    return std::move(out_);
  }

 private:
  bool HasColumn(size_t line, size_t column) const { return column + 1 < lines_[line].size(); }

  // Lays out the lines [first, last), for which the columns in widths_ are settled.
  void Format(size_t first, size_t last) {
    const size_t column = widths_.size();
    for (size_t i = first; i < last; ++i) {
      if (!HasColumn(i, column)) continue;
      Write(first, i);
      size_t width = 0, end = i;
      for (; end < last && HasColumn(end, column); ++end) {
        width = std::max(width, RuneCount(lines_[end][column]));
      }
      widths_.push_back(width + kPadding);
      Format(i, end);
      widths_.pop_back();
      first = end;
      i = end;
    }
    Write(first, last);
  }

  void Write(size_t first, size_t last) {
    for (size_t i = first; i < last; ++i) {
      for (size_t j = 0; j < lines_[i].size(); ++j) {
        out_ += lines_[i][j];
        if (j < widths_.size()) out_.append(widths_[j] - RuneCount(lines_[i][j]), ' ');
      }
      out_ += '\n';
    }
  }

  std::vector<std::vector<std::string_view>> lines_;
  std::vector<size_t> widths_;
  std::string out_;
};

}  // namespace

std::string AlignColumns(std::string_view text) { return Aligner(text).Run(); }

}  // namespace narthex::am
