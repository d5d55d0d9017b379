#include "core/flags/flags.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <limits>

#include "core/base/check.h"
#include "core/flags/flag.h"
#include "core/log/log.h"
#include "core/strings/any_base.h"
#include "core/strings/duration.h"
#include "core/strings/numbers.h"
#include "core/strings/quote.h"

namespace narthex {

using flags_internal::Flag;

namespace {

constexpr int64_t kNanosPerMs = 1'000'000;

Status SetInt(std::string_view text, int64_t* out) {
  if (const auto whole = ParseInt(text)) {
    *out = *whole;
    return OkStatus();
  }
  // Upstream reads whole numbers as floats and cuts, so "5e7" is a good limit.
  const auto number = ParseFloat(text);
  if (!number)
    return InvalidArgument("strconv.ParseFloat: parsing {}: invalid syntax", GoQuote(text));
  if (!(*number >= -0x1p63 && *number < 0x1p63)) {
    return InvalidArgument("strconv.ParseFloat: parsing {}: value out of range", GoQuote(text));
  }
  *out = static_cast<int64_t>(*number);
  return OkStatus();
}

Status SetInt64(std::string_view text, int64_t* out) {
  NX_ASSIGN_OR_RETURN(*out, ParseIntOfAnyBase(text));
  return OkStatus();
}

Status SetDouble(std::string_view text, double* out) {
  const auto number = ParseFloat(text);
  if (!number)
    return InvalidArgument("strconv.ParseFloat: parsing {}: invalid syntax", GoQuote(text));
  *out = *number;
  return OkStatus();
}

Status SetDuration(std::string_view text, FlagSet::DurationSyntax syntax, int64_t* out) {
  if (syntax == FlagSet::DurationSyntax::kPrometheus) {
    NX_ASSIGN_OR_RETURN(*out, ParsePromDuration(text));
    return OkStatus();
  }
  NX_ASSIGN_OR_RETURN(const int64_t nanos, ParseGoDuration(text));
  *out = nanos / kNanosPerMs;
  return OkStatus();
}

std::string FormatDuration(int64_t ms, FlagSet::DurationSyntax syntax) {
  if (syntax == FlagSet::DurationSyntax::kPrometheus) return FormatPromDuration(ms);
  return FormatGoDuration(ms * kNanosPerMs);
}

}  // namespace

Flag* FlagSetImpl::Find(std::string_view name) {
  for (Flag& flag : flags) {
    if (flag.name == name) return &flag;
  }
  return nullptr;
}

Flag* FlagSetImpl::FindShort(char name) {
  for (Flag& flag : flags) {
    if (flag.options.short_name == name) return &flag;
  }
  return nullptr;
}

// Takes the default, or the environment's value in its place. A default that the program itself
// gives and that does not parse is a bug of the program.
void FlagSetImpl::Add(Flag flag) {
  NX_CHECK(Find(flag.name) == nullptr);
  if (flag.options.required) flag.default_texts.clear();
  for (const std::string& text : flag.default_texts) NX_CHECK(flag.set(text).ok());
  flags.push_back(std::move(flag));
}

Status FlagSetImpl::TakeArgument(std::string_view text) {
  if (arguments_taken == arguments.size()) return InvalidArgument("unexpected {}", text);
  flags_internal::Argument& argument = arguments[arguments_taken];
  argument.set(text);
  argument.given = true;
  if (!argument.is_repeatable) ++arguments_taken;
  return OkStatus();
}

Status FlagSetImpl::CheckComplete(const flags_internal::ParsedLine& line) const {
  std::string missing;
  for (const Flag& flag : flags) {
    const bool given = std::any_of(line.assignments.begin(), line.assignments.end(),
                                   [&](const auto& a) { return a.flag == &flag; });
    if (!flag.options.required || given) continue;
    missing += fmt::format("{}'--{}'", missing.empty() ? "" : ", ", flag.name);
  }
  if (!missing.empty()) return InvalidArgument("required flag(s) {} not provided", missing);
  for (const flags_internal::Argument& argument : arguments) {
    if (argument.required && !argument.given) {
      return InvalidArgument("required argument '{}' not provided", argument.name);
    }
  }
  return OkStatus();
}

// Environment defaults are values of the user: their errors are reported, not checked.
Status FlagSetImpl::ApplyEnvironment() {
  for (Flag& flag : flags) {
    const char* value = flag.options.env.empty() ? nullptr : std::getenv(flag.options.env.c_str());
    if (value == nullptr || *value == '\0' || flag.was_set) continue;
    if (flag.clear) flag.clear();
    NX_RETURN_IF_ERROR(flag.set(value));
  }
  return OkStatus();
}

Status FlagSetImpl::Assign(const std::vector<flags_internal::Assignment>& assignments) {
  for (const auto& assignment : assignments) {
    Flag& flag = *assignment.flag;
    if (flag.was_set && !flag.is_repeatable) {
      return InvalidArgument("flag '{}' cannot be repeated", flag.name);
    }
    if (!flag.was_set && flag.clear) flag.clear();
    flag.was_set = true;
    NX_RETURN_IF_ERROR(flag.set(assignment.value));
  }
  return ApplyEnvironment();
}

StatusOr<flags_internal::ParsedLine> FlagSetImpl::ParseTokens(
    const std::vector<std::string>& line_arguments) {
  flags_internal::LineGrammar grammar;
  grammar.find = [this](std::string_view name) { return Find(name); };
  grammar.find_short = [this](char name) { return FindShort(name); };
  grammar.take_argument = [this](std::string_view text) { return TakeArgument(text); };
  grammar.has_version = has_version;
  auto line = flags_internal::ParseLine(line_arguments, grammar);
  if (line.ok() && !line->help && !line->help_long && !line->help_man && !line->version) {
    NX_RETURN_IF_ERROR(CheckComplete(*line));
  }
  return line;
}

flags_internal::UsageParts FlagSetImpl::Parts(bool with_hidden) const {
  flags_internal::UsageParts parts{program, help, {}, {}, has_version};
  for (const Flag& flag : flags) {
    if (with_hidden || !flag.options.hidden) parts.flags.push_back(&flag);
  }
  for (const auto& argument : arguments) parts.arguments.push_back(&argument);
  return parts;
}

[[noreturn]] void FlagSetImpl::ExitOnTokenError(const Status& status) const {
  const std::string message(MessageOf(status));
  if (style == FlagErrorStyle::kPrometheus) {
    std::fprintf(stderr, "Error parsing command line arguments: %s\n%s: error: %s\n",
                 message.c_str(), program.c_str(), message.c_str());
  } else {
    std::fprintf(stderr, "%s: error: %s, try --help\n", program.c_str(), message.c_str());
  }
  std::exit(1);
}

FlagSet::FlagSet(std::string program, std::string help, FlagErrorStyle style)
    : impl_(std::make_unique<Impl>()) {
  impl_->program = std::move(program);
  impl_->help = std::move(help);
  impl_->style = style;
}

FlagSet::~FlagSet() = default;

bool* FlagSet::Bool(std::string name, std::string help, bool default_value, FlagOptions options) {
  bool* value = &impl_->bools.emplace_back(default_value);
  Flag flag{std::move(name), std::move(help), std::move(options)};
  flag.is_bool = true;
  flag.set = [value](std::string_view text) {
    if (text != "true" && text != "false" && text != "1" && text != "0") {
      return InvalidArgument("strconv.ParseBool: parsing {}: invalid syntax", GoQuote(text));
    }
    *value = text == "true" || text == "1";
    return OkStatus();
  };
  flag.print = [value] { return *value ? "true" : "false"; };
  impl_->Add(std::move(flag));
  return value;
}

std::string* FlagSet::String(std::string name, std::string help, std::string default_value,
                             FlagOptions options) {
  std::string* value = &impl_->strings.emplace_back();
  Flag flag{std::move(name), std::move(help), std::move(options), {std::move(default_value)}};
  flag.is_text = true;
  flag.set = [value](std::string_view text) { return *value = text, OkStatus(); };
  flag.print = [value] { return *value; };
  impl_->Add(std::move(flag));
  return value;
}

std::vector<std::string>* FlagSet::Strings(std::string name, std::string help,
                                           std::vector<std::string> default_value,
                                           FlagOptions options) {
  std::vector<std::string>* value = &impl_->lists.emplace_back();
  Flag flag{std::move(name), std::move(help), std::move(options), std::move(default_value)};
  flag.is_repeatable = true;
  flag.clear = [value] { value->clear(); };
  flag.set = [value](std::string_view text) { return value->emplace_back(text), OkStatus(); };
  flag.print = [value] { return JoinStrings(*value, ","); };
  impl_->Add(std::move(flag));
  return value;
}

int64_t* FlagSetImpl::AddInt(Flag flag, int64_t default_value,
                             Status (*set)(std::string_view, int64_t*)) {
  int64_t* value = &ints.emplace_back();
  flag.default_texts = {std::to_string(default_value)};
  flag.set = [value, set](std::string_view text) { return set(text, value); };
  flag.print = [value] { return std::to_string(*value); };
  Add(std::move(flag));
  return value;
}

int64_t* FlagSet::Int(std::string name, std::string help, int64_t default_value,
                      FlagOptions options) {
  Flag flag{std::move(name), std::move(help), std::move(options)};
  return impl_->AddInt(std::move(flag), default_value, SetInt);
}

int64_t* FlagSet::Int64(std::string name, std::string help, int64_t default_value,
                        FlagOptions options) {
  Flag flag{std::move(name), std::move(help), std::move(options)};
  return impl_->AddInt(std::move(flag), default_value, SetInt64);
}

double* FlagSet::Double(std::string name, std::string help, double default_value,
                        FlagOptions options) {
  double* value = &impl_->doubles.emplace_back();
  Flag flag{std::move(name), std::move(help), std::move(options), {FormatFloat(default_value)}};
  flag.set = [value](std::string_view text) { return SetDouble(text, value); };
  flag.print = [value] { return FormatFloat(*value); };
  impl_->Add(std::move(flag));
  return value;
}

int64_t* FlagSet::Duration(std::string name, std::string help, std::string default_value,
                           DurationSyntax syntax, FlagOptions options) {
  int64_t* value = &impl_->ints.emplace_back(0);
  Flag flag{std::move(name), std::move(help), std::move(options)};
  if (!default_value.empty()) flag.default_texts.push_back(std::move(default_value));
  flag.set = [value, syntax](std::string_view text) { return SetDuration(text, syntax, value); };
  flag.print = [value, syntax] { return FormatDuration(*value, syntax); };
  impl_->Add(std::move(flag));
  return value;
}

int64_t* FlagSet::Size(std::string name, std::string help, std::string default_value,
                       FlagOptions options) {
  int64_t* value = &impl_->ints.emplace_back(0);
  Flag flag{std::move(name), std::move(help), std::move(options)};
  if (!default_value.empty()) flag.default_texts.push_back(std::move(default_value));
  flag.set = [value](std::string_view text) -> Status {
    NX_ASSIGN_OR_RETURN(*value, ParseSize(text));
    return OkStatus();
  };
  flag.print = [value] { return FormatSize(*value); };
  impl_->Add(std::move(flag));
  return value;
}

std::string* FlagSet::Enum(std::string name, std::string help, std::vector<std::string> allowed,
                           std::string default_value, FlagOptions options) {
  std::string* value = &impl_->strings.emplace_back();
  Flag flag{std::move(name), std::move(help), std::move(options), {std::move(default_value)}};
  flag.choices = allowed;
  flag.set = [value, allowed = std::move(allowed)](std::string_view text) {
    for (const std::string& choice : allowed) {
      if (choice == text) return *value = choice, OkStatus();
    }
    return InvalidArgument("enum value must be one of {}, got '{}'", JoinStrings(allowed, ","),
                           text);
  };
  flag.print = [value] { return *value; };
  impl_->Add(std::move(flag));
  return value;
}

std::string* FlagSet::Arg(std::string name, std::string help, std::string default_value) {
  std::string* value = &impl_->strings.emplace_back(std::move(default_value));
  impl_->arguments.push_back({std::move(name), std::move(help), false, false,
                              [value](std::string_view text) { *value = text; }});
  return value;
}

std::string* FlagSet::RequiredArg(std::string name, std::string help) {
  std::string* value = Arg(std::move(name), std::move(help), "");
  impl_->arguments.back().required = true;
  return value;
}

std::vector<std::string>* FlagSet::Args(std::string name, std::string help, bool required) {
  std::vector<std::string>* value = &impl_->lists.emplace_back();
  impl_->arguments.push_back({std::move(name), std::move(help), required, true,
                              [value](std::string_view text) { value->emplace_back(text); }});
  return value;
}

void FlagSet::SetVersion(std::string text) {
  impl_->version = std::move(text);
  impl_->has_version = true;
}

bool FlagSet::WasSet(std::string_view name) const {
  const Flag* flag = impl_->Find(name);
  return flag != nullptr && flag->was_set;
}

std::vector<std::pair<std::string, std::string>> FlagSet::Values() const {
  std::vector<std::pair<std::string, std::string>> values;
  for (const Flag& flag : impl_->flags) values.emplace_back(flag.name, flag.print());
  return values;
}

std::string FlagSet::Usage(bool with_hidden) const {
  const flags_internal::UsageParts parts = impl_->Parts(with_hidden);
  std::string synopsis = flags_internal::SynopsisOf(parts);
  if (parts.flags.empty()) synopsis = " [<flags>]" + synopsis;  // --help is always there
  return flags_internal::FormatUsage(parts, synopsis);
}

Status FlagSet::TryParse(const std::vector<std::string>& arguments) {
  NX_ASSIGN_OR_RETURN(const auto line, impl_->ParseTokens(arguments));
  return impl_->Assign(line.assignments);
}

void FlagSet::Parse(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + std::min(argc, 1), argv + argc);
  const auto line = impl_->ParseTokens(arguments);
  if (!line.ok()) impl_->ExitOnTokenError(line.status());
  if (line->help || line->help_long || line->help_man) {
    std::fputs(Usage().c_str(), stdout);
    std::exit(0);
  }
  if (line->version) {
    std::fprintf(stdout, "%s\n", impl_->version.c_str());
    std::exit(0);
  }
  const Status status = impl_->Assign(line->assignments);
  if (status.ok()) return;
  if (impl_->style == FlagErrorStyle::kPlain) impl_->ExitOnTokenError(status);
  std::fprintf(stderr, "Error parsing command line arguments: %s\n",
               std::string(MessageOf(status)).c_str());
  std::fputs(Usage().c_str(), stdout);
  std::exit(2);
}

LogFlags AddLogFlags(FlagSet& flags) {
  // Strings with a check of their own: the errors are those of the logger, not of an enumeration.
  return {flags.Checked("log.level",
                        "Only log messages with the given severity or above. One of: [debug, info, "
                        "warn, error]",
                        "info", [](std::string_view v) { return ParseLogLevel(v).status(); }),
          flags.Checked("log.format", "Output format of log messages. One of: [logfmt, json]",
                        "logfmt", [](std::string_view v) { return ParseLogFormat(v).status(); })};
}

std::string* FlagSet::Checked(std::string name, std::string help, std::string default_value,
                              std::function<Status(std::string_view)> check, FlagOptions options) {
  std::string* value = &impl_->strings.emplace_back();
  Flag flag{std::move(name), std::move(help), std::move(options), {std::move(default_value)}};
  flag.set = [value, check = std::move(check)](std::string_view text) {
    const Status status = check(text);
    if (status.ok()) *value = text;
    return status;
  };
  flag.print = [value] { return *value; };
  impl_->Add(std::move(flag));
  return value;
}

void ApplyLogFlags(const LogFlags& flags) {
  // Both were checked when they were set.
  SetLogLevel(ParseLogLevel(*flags.level).value());
  SetLogFormat(ParseLogFormat(*flags.format).value());
}

}  // namespace narthex
