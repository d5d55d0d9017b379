#include "kube_state_metrics/options/flags.h"

#include <algorithm>

#include "kube_state_metrics/options/options.h"

namespace narthex::ksm {
namespace {

const FlagDefinition* Find(std::string_view name) {
  const auto all = FlagDefinitions();
  const auto found = std::ranges::find(all, name, &FlagDefinition::name);
  return found == all.end() ? nullptr : &*found;
}

const FlagDefinition* FindShort(char name) {
  const auto all = FlagDefinitions();
  const auto found = std::ranges::find(all, name, &FlagDefinition::short_name);
  return found == all.end() ? nullptr : &*found;
}

bool IsBool(const FlagDefinition& flag) { return flag.type.empty(); }

Status Set(const FlagDefinition& flag, std::string_view value, Options* options) {
  const Status status = flag.set(*options, value);
  if (status.ok()) return status;
  return MakeStatus(status.code(), fmt::format("invalid argument \"{}\" for \"--{}\" flag: {}",
                                               value, flag.name, MessageOf(status)));
}

// The tokens of the line, one after the other.
class Parser {
 public:
  Parser(const std::vector<std::string>& line, Options* options) : line_(line), options_(options) {}

  StatusOr<CommandLine> Parse() {
    while (next_ < line_.size()) {
      const std::string_view token = line_[next_++];
      if (token == "--") {
        for (; next_ < line_.size(); ++next_) result_.arguments.push_back(line_[next_]);
      } else if (token.starts_with("--")) {
        NX_RETURN_IF_ERROR(Long(token.substr(2)));
      } else if (token.size() > 1 && token[0] == '-') {
        NX_RETURN_IF_ERROR(Short(token));
      } else {
        result_.arguments.emplace_back(token);
      }
    }
    return result_;
  }

 private:
  Status Long(std::string_view token) {
    const size_t equals = std::min(token.find('='), token.size());
    const std::string_view name = token.substr(0, equals);
    if (name == "help") return result_.help = true, OkStatus();
    const FlagDefinition* flag = Find(name);
    if (flag == nullptr) return InvalidArgument("unknown flag: --{}", name);
    if (equals < token.size()) return Set(*flag, token.substr(equals + 1), options_);
    if (IsBool(*flag)) return Set(*flag, "true", options_);
    if (next_ == line_.size()) return InvalidArgument("flag needs an argument: --{}", name);
    return Set(*flag, line_[next_++], options_);
  }

  Status Short(std::string_view token) {
    if (token[1] == 'h') return result_.help = true, OkStatus();
    const FlagDefinition* flag = FindShort(token[1]);
    if (flag == nullptr) {
      return InvalidArgument("unknown shorthand flag: '{}' in {}", token[1], token);
    }
    std::string_view value = token.substr(2);
    if (value.starts_with('=')) value.remove_prefix(1);
    if (!value.empty()) return Set(*flag, value, options_);
    if (next_ == line_.size()) {
      return InvalidArgument("flag needs an argument: '{}' in {}", token[1], token);
    }
    return Set(*flag, line_[next_++], options_);
  }

  const std::vector<std::string>& line_;
  Options* const options_;
  size_t next_ = 0;
  CommandLine result_;
};

}  // namespace

StatusOr<CommandLine> ParseFlags(const std::vector<std::string>& line, Options* options) {
  return Parser(line, options).Parse();
}

std::string FlagUsage() {
  size_t width = 0;
  for (const FlagDefinition& flag : FlagDefinitions()) {
    width = std::max(width, flag.name.size() + 1 + flag.type.size());
  }
  std::string out;
  for (const FlagDefinition& flag : FlagDefinitions()) {
    const std::string head =
        flag.type.empty() ? flag.name : fmt::format("{} {}", flag.name, flag.type);
    const std::string dash =
        flag.short_name != 0 ? fmt::format("-{}, ", flag.short_name) : std::string(4, ' ');
    out += fmt::format("  {}--{:<{}}   {}", dash, head, width, flag.help);
    if (!flag.default_value.empty() && flag.default_value != "false") {
      out += fmt::format(" (default {})", flag.default_value);
    }
    out += '\n';
  }
  return out + fmt::format("  -h, --{:<{}}   Print Help text\n", "help", width);
}

}  // namespace narthex::ksm
