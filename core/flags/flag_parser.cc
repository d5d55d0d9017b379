#include <cerrno>
#include <cstring>
#include <deque>

#include "core/base/file.h"
#include "core/flags/flag.h"
#include "core/strings/quote.h"

namespace narthex::flags_internal {
namespace {

// @file may name further files, and a file may name itself.
constexpr int kMaxFileDepth = 8;
constexpr size_t kMaxFileBytes = 1 << 20;

struct Argument {
  std::string text;
  int file_depth = 0;
};

class LineParser {
 public:
  LineParser(const std::vector<std::string>& arguments, const LineGrammar& grammar)
      : grammar_(grammar) {
    for (const std::string& argument : arguments) pending_.push_back({argument, 0});
  }

  StatusOr<ParsedLine> Run() {
    while (!pending_.empty()) {
      Argument argument = std::move(pending_.front());
      pending_.pop_front();
      NX_RETURN_IF_ERROR(Take(argument));
    }
    return std::move(line_);
  }

 private:
  Status Take(const Argument& argument) {
    const std::string_view text = argument.text;
    if (only_arguments_) return grammar_.take_argument(text);
    if (text == "--") {
      only_arguments_ = true;
      return OkStatus();
    }
    if (text.starts_with("@")) return ExpandFile(argument);
    if (text.starts_with("--")) return TakeLong(text.substr(2));
    if (text.starts_with("-") && text.size() > 1) return TakeShort(text.substr(1));
    return grammar_.take_argument(text);
  }

  Status ExpandFile(const Argument& argument) {
    const std::string path = argument.text.substr(1);
    if (argument.file_depth >= kMaxFileDepth) {
      return InvalidArgument("arguments file {} nested too deeply", GoQuote(path));
    }
    auto content = ReadFile(path, kMaxFileBytes);
    if (!content.ok()) {
      return InvalidArgument("failed to open arguments file {}: {}", GoQuote(path),
                             MessageOf(content.status()));
    }
    std::vector<Argument> expanded;
    std::string_view rest = *content;
    while (!rest.empty()) {
      const size_t end = rest.find('\n');
      std::string_view text = rest.substr(0, end);
      if (text.ends_with('\r')) text.remove_suffix(1);
      if (!text.starts_with('#')) expanded.push_back({std::string(text), argument.file_depth + 1});
      if (end == std::string_view::npos) break;
      rest.remove_prefix(end + 1);
    }
    pending_.insert(pending_.begin(), expanded.begin(), expanded.end());
    return OkStatus();
  }

  // `text` is name, name=value or no-name.
  Status TakeLong(std::string_view text) {
    const size_t equals = text.find('=');
    const std::string_view name = text.substr(0, equals);
    const bool has_value = equals != std::string_view::npos;
    if (!has_value && TakeBuiltIn(name)) return OkStatus();
    bool on = true;
    Flag* flag = Search([&] { return FindLong(name, &on); });
    if (flag == nullptr) return InvalidArgument("unknown long flag '--{}'", name);
    if (flag->is_bool) {
      if (has_value) return InvalidArgument("unexpected {}", text.substr(equals + 1));
      line_.assignments.push_back({flag, on ? "true" : "false"});
      return OkStatus();
    }
    if (has_value) {
      line_.assignments.push_back({flag, std::string(text.substr(equals + 1))});
      return OkStatus();
    }
    return TakeSeparateValue(flag);
  }

  // `on` becomes false for --no-name.
  Flag* FindLong(std::string_view name, bool* on) {
    Flag* flag = grammar_.find(name);
    if (flag != nullptr || !name.starts_with("no-")) return flag;
    flag = grammar_.find(name.substr(3));
    if (flag == nullptr || !flag->is_bool) return nullptr;
    *on = false;
    return flag;
  }

  template <typename Find>
  Flag* Search(Find find) {
    Flag* flag = find();
    while (flag == nullptr && grammar_.search_again && grammar_.search_again()) flag = find();
    return flag;
  }

  Status TakeSeparateValue(Flag* flag) {
    // "-" alone is a value; anything else with a dash in front is the next flag.
    const bool missing =
        pending_.empty() || (pending_.front().text.size() > 1 && pending_.front().text[0] == '-');
    if (missing) return InvalidArgument("expected argument for flag '--{}'", flag->name);
    line_.assignments.push_back({flag, std::move(pending_.front().text)});
    pending_.pop_front();
    return OkStatus();
  }

  bool TakeBuiltIn(std::string_view name) {
    if (name == "help") return line_.help = true;
    if (name == "help-long") return line_.help_long = true;
    if (name == "help-man") return line_.help_man = true;
    if (name == "version" && grammar_.has_version) return line_.version = true;
    return false;
  }

  // -r, -rq, -xVALUE, -x VALUE
  Status TakeShort(std::string_view letters) {
    while (!letters.empty()) {
      const char letter = letters.front();
      letters.remove_prefix(1);
      if (letter == 'h') {
        line_.help = true;
        continue;
      }
      Flag* flag = Search([&] { return grammar_.find_short(letter); });
      if (flag == nullptr) return InvalidArgument("unknown short flag '-{}'", letter);
      if (flag->is_bool) {
        line_.assignments.push_back({flag, "true"});
        continue;
      }
      if (letters.empty()) return TakeSeparateValue(flag);
      line_.assignments.push_back({flag, std::string(letters)});
      return OkStatus();
    }
    return OkStatus();
  }

  const LineGrammar& grammar_;
  std::deque<Argument> pending_;
  bool only_arguments_ = false;
  ParsedLine line_;
};

}  // namespace

StatusOr<ParsedLine> ParseLine(const std::vector<std::string>& arguments,
                               const LineGrammar& grammar) {
  return LineParser(arguments, grammar).Run();
}

}  // namespace narthex::flags_internal
