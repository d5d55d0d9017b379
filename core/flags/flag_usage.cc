// The help page: two columns, the second wrapped at the width of the terminal.
#include <algorithm>
#include <cstdlib>

#include "core/flags/flag.h"
#include "core/strings/numbers.h"
#include "core/strings/quote.h"

namespace narthex::flags_internal {
namespace {

constexpr size_t kIndent = 2;
constexpr size_t kPadding = 2;
constexpr size_t kWidestLeft = 30;  // a longer left column moves its text to the next line
constexpr size_t kDefaultWidth = 80;

struct Row {
  std::string left, right;
};

size_t TerminalWidth() {
  const char* columns = std::getenv("COLUMNS");
  const auto parsed = columns != nullptr ? ParseUint(columns) : std::nullopt;
  return parsed && *parsed >= 40 ? std::min<size_t>(*parsed, 1000) : kDefaultWidth;
}

// Fills lines with words; a word longer than a line stands alone on one.
std::vector<std::string> Wrap(std::string_view text, size_t width) {
  std::vector<std::string> lines(1);
  for (std::string_view paragraph : SplitString(text, '\n')) {
    if (!lines.back().empty()) lines.emplace_back();
    for (std::string_view word : SplitString(paragraph, ' ')) {
      if (word.empty()) continue;
      std::string& line = lines.back();
      if (line.empty()) {
        line = word;
      } else if (RuneCount(line) + 1 + RuneCount(word) <= width) {
        line.append(" ").append(word);
      } else {
        lines.emplace_back(word);
      }
    }
  }
  return lines;
}

std::string FormatRows(const std::vector<Row>& rows, size_t width) {
  size_t left = 0;
  for (const Row& row : rows) {
    if (row.left.size() < kWidestLeft) left = std::max(left, row.left.size());
  }
  const size_t offset = kIndent + left + kPadding;
  std::string out;
  for (const Row& row : rows) {
    const auto lines = Wrap(row.right, width > offset + 20 ? width - offset : 20);
    fmt::format_to(std::back_inserter(out), "{:{}}{:<{}}{:{}}", "", kIndent, row.left, left, "",
                   kPadding);
    if (row.left.size() >= kWidestLeft) {
      fmt::format_to(std::back_inserter(out), "\n{:{}}", "", offset);
    }
    out.append(lines[0]).push_back('\n');
    for (size_t i = 1; i < lines.size(); ++i) {
      fmt::format_to(std::back_inserter(out), "{:{}}{}\n", "", offset, lines[i]);
    }
  }
  return out;
}

std::string Placeholder(const Flag& flag) {
  if (!flag.options.placeholder.empty()) return flag.options.placeholder;
  if (flag.default_texts.empty()) {
    std::string upper = flag.name;
    for (char& c : upper) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
    return upper;
  }
  std::string text = flag.default_texts.front();
  if (flag.is_text) text = GoQuote(text);
  if (flag.default_texts.size() > 1) text += "...";
  return text;
}

std::string LeftColumn(const Flag& flag) {
  const std::string start =
      flag.options.short_name != 0 ? fmt::format("-{}, ", flag.options.short_name) : "    ";
  if (flag.is_bool) return fmt::format("{}--[no-]{}", start, flag.name);
  return fmt::format("{}--{}={}{}", start, flag.name, Placeholder(flag),
                     flag.is_repeatable ? " ..." : "");
}

std::string NameOf(const Argument& argument) {
  return argument.required ? fmt::format("<{}>", argument.name)
                           : fmt::format("[<{}>]", argument.name);
}

void AppendHelp(std::string_view help, size_t width, std::string* out) {
  for (const std::string_view text : SplitString(help, '\n')) {
    if (text.empty() || text[0] == ' ') {
      out->append(text).push_back('\n');
      continue;
    }
    for (const std::string& line : Wrap(text, width)) out->append(line).push_back('\n');
  }
}

}  // namespace

std::string SynopsisOf(const UsageParts& parts) {
  std::string out;
  bool any_optional = false;
  for (const Flag* flag : parts.flags) {
    any_optional |= !flag->options.required;
    if (flag->options.required) out += fmt::format(" --{}={}", flag->name, Placeholder(*flag));
  }
  if (any_optional) out += " [<flags>]";
  for (const Argument* argument : parts.arguments) {
    if (!argument->is_repeatable) {
      out += " " + NameOf(*argument);
    } else {
      out += argument->required ? fmt::format(" <{}>...", argument->name)
                                : fmt::format(" [<{}>...]", argument->name);
    }
  }
  return out;
}

std::string FormatUsage(const UsageParts& parts, const std::string& synopsis, bool compact) {
  std::vector<Row> rows;
  rows.push_back(
      {"-h, --[no-]help", "Show context-sensitive help (also try --help-long and --help-man)."});
  if (parts.has_version) rows.push_back({"    --[no-]version", "Show application version."});
  for (const Flag* flag : parts.flags) {
    std::string text = flag->help;
    if (!flag->options.env.empty()) text += fmt::format(" (${})", flag->options.env);
    rows.push_back({LeftColumn(*flag), std::move(text)});
  }
  const size_t width = TerminalWidth();
  std::string out = fmt::format("usage: {}{}\n\n", parts.program, synopsis);
  if (!parts.help.empty()) {
    AppendHelp(parts.help, width, &out);
    out.push_back('\n');
  }
  out.append(compact ? "Flags:\n" : "\nFlags:\n").append(FormatRows(rows, width)).push_back('\n');
  if (parts.arguments.empty()) return out;
  rows.clear();
  for (const Argument* argument : parts.arguments) {
    rows.push_back({NameOf(*argument), argument->help});
  }
  return out.append("Args:\n").append(FormatRows(rows, width)) + "\n";
}

std::string FormatCommands(std::string_view heading,
                           const std::vector<std::pair<std::string, std::string>>& commands) {
  constexpr size_t kHelpIndent = 4;
  std::string out = fmt::format("{}:\n", heading);
  for (const auto& [synopsis, help] : commands) {
    out.append(synopsis).push_back('\n');
    for (const std::string& line : Wrap(help, TerminalWidth() - kHelpIndent)) {
      out += fmt::format("{:{}}{}\n", "", kHelpIndent, line);
    }
    out.push_back('\n');
  }
  return out;
}

}  // namespace narthex::flags_internal
