#include "core/labels/relabel.h"

#include <openssl/evp.h>

#include <array>
#include <clocale>
#include <cwctype>

#include "core/base/check.h"
#include "core/labels/regex.h"
#include "core/strings/quote.h"

namespace narthex {
namespace {

constexpr std::array<std::pair<std::string_view, RelabelAction>, 11> kActions = {{
    {"replace", RelabelAction::kReplace},
    {"keep", RelabelAction::kKeep},
    {"drop", RelabelAction::kDrop},
    {"keepequal", RelabelAction::kKeepEqual},
    {"dropequal", RelabelAction::kDropEqual},
    {"hashmod", RelabelAction::kHashMod},
    {"labelmap", RelabelAction::kLabelMap},
    {"labeldrop", RelabelAction::kLabelDrop},
    {"labelkeep", RelabelAction::kLabelKeep},
    {"lowercase", RelabelAction::kLowercase},
    {"uppercase", RelabelAction::kUppercase},
}};

bool HasVariable(std::string_view text) { return text.find('$') != std::string_view::npos; }

bool IsWordByte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

// A legacy label name in which $name and ${name} may stand anywhere. Returns the bytes the
// variable at the front of `text` takes, 0 when there is none.
size_t VariableLength(std::string_view text) {
  if (text.size() < 2 || text[0] != '$') return 0;
  const bool braced = text[1] == '{';
  size_t i = braced ? 2 : 1;
  const size_t start = i;
  while (i < text.size() && IsWordByte(text[i])) ++i;
  if (i == start) return 0;
  if (!braced) return i;
  return i < text.size() && text[i] == '}' ? i + 1 : 0;
}

bool IsLegacyNameTemplate(std::string_view text) {
  if (text.empty() || (text[0] >= '0' && text[0] <= '9')) return false;
  while (!text.empty()) {
    const size_t n = IsWordByte(text[0]) ? 1 : VariableLength(text);
    if (n == 0) return false;
    text.remove_prefix(n);
  }
  return true;
}

bool IsValidNameTemplate(std::string_view text, NameValidation validation) {
  if (validation == NameValidation::kUtf8) return IsValidLabelName(text, validation);
  return IsLegacyNameTemplate(text);
}

bool NeedsTarget(RelabelAction action) {
  switch (action) {
    case RelabelAction::kReplace:
    case RelabelAction::kHashMod:
    case RelabelAction::kLowercase:
    case RelabelAction::kUppercase:
    case RelabelAction::kKeepEqual:
    case RelabelAction::kDropEqual: return true;
    default: return false;
  }
}

bool TargetIsValid(const RelabelConfig& c, NameValidation validation) {
  if (c.action == RelabelAction::kReplace && HasVariable(c.target_label)) {
    return IsValidNameTemplate(c.target_label, validation);
  }
  return IsValidLabelName(c.target_label, validation);
}

Status Validate(const RelabelConfig& c, NameValidation validation) {
  const std::string_view action = RelabelActionToString(c.action);
  if (c.action == RelabelAction::kHashMod && c.modulus == 0) {
    return InvalidArgument("relabel configuration for hashmod requires non-zero modulus");
  }
  if (NeedsTarget(c.action) && c.target_label.empty()) {
    return InvalidArgument("relabel configuration for {} action requires 'target_label' value",
                           action);
  }
  if (NeedsTarget(c.action) && !TargetIsValid(c, validation)) {
    return InvalidArgument("{} is invalid 'target_label' for {} action", GoQuote(c.target_label),
                           action);
  }
  const bool equal = c.action == RelabelAction::kKeepEqual || c.action == RelabelAction::kDropEqual;
  const bool other_replacement = c.replacement != RelabelConfig::kDefaultReplacement;
  const bool cased = c.action == RelabelAction::kLowercase || c.action == RelabelAction::kUppercase;
  if ((cased || equal) && other_replacement) {
    return InvalidArgument("'replacement' can not be set for {} action", action);
  }
  if (c.action == RelabelAction::kLabelMap && !IsValidNameTemplate(c.replacement, validation)) {
    return InvalidArgument("{} is invalid 'replacement' for {} action", GoQuote(c.replacement),
                           action);
  }
  const bool other_fields =
      c.modulus != 0 || c.separator != RelabelConfig::kDefaultSeparator || other_replacement;
  if (equal && (c.regex != RelabelConfig::kDefaultRegex || other_fields)) {
    return InvalidArgument(
        "{} action requires only 'source_labels' and `target_label`, and no other fields", action);
  }
  const bool filter =
      c.action == RelabelAction::kLabelDrop || c.action == RelabelAction::kLabelKeep;
  if (filter && (!c.source_labels.empty() || !c.target_label.empty() || other_fields)) {
    return InvalidArgument("{} action requires only 'regex', and no other fields", action);
  }
  return OkStatus();
}

std::string JoinSources(const RelabelConfig& config, const LabelsBuilder& labels) {
  std::string value;
  for (size_t i = 0; i < config.source_labels.size(); ++i) {
    if (i > 0) value += config.separator;
    value += labels.Get(config.source_labels[i]);
  }
  return value;
}

// The low eight bytes of the MD5 sum, big-endian: shards would move with any other hash.
uint64_t Md5Low64(std::string_view text) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  NX_CHECK(EVP_Digest(text.data(), text.size(), digest, &size, EVP_md5(), nullptr) == 1);
  uint64_t value = 0;
  for (size_t i = 8; i < 16; ++i) value = value << 8 | digest[i];
  return value;
}

// Changes case as Go's strings.ToLower/ToUpper do: by code point, whatever the process locale.
std::string ChangeCase(std::string_view text, bool lower) {
  static const locale_t locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size();) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte < 0x80 || locale == nullptr) {
      const bool upper_byte = byte >= 'A' && byte <= 'Z', lower_byte = byte >= 'a' && byte <= 'z';
      out += static_cast<char>((lower ? upper_byte : lower_byte) ? byte ^ 0x20 : byte);
      ++i;
      continue;
    }
    const size_t n = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
    if (byte < 0xc2 || i + n > text.size() || !IsValidUtf8(text.substr(i, n))) {
      out += "\xef\xbf\xbd";  // Go maps what is no UTF-8 to U+FFFD
      ++i;
      continue;
    }
    uint32_t rune = byte & (0x7fU >> n);
    for (size_t k = 1; k < n; ++k) {
      rune = rune << 6 | (static_cast<unsigned char>(text[i + k]) & 0x3f);
    }
    i += n;
    rune = lower ? towlower_l(rune, locale) : towupper_l(rune, locale);
    if (rune < 0x80) {
      out += static_cast<char>(rune);
    } else if (rune < 0x800) {
      out += static_cast<char>(0xc0 | rune >> 6);
      out += static_cast<char>(0x80 | (rune & 0x3f));
    } else if (rune < 0x10000) {
      out += static_cast<char>(0xe0 | rune >> 12);
      out += static_cast<char>(0x80 | (rune >> 6 & 0x3f));
      out += static_cast<char>(0x80 | (rune & 0x3f));
    } else {
      out += static_cast<char>(0xf0 | rune >> 18);
      out += static_cast<char>(0x80 | (rune >> 12 & 0x3f));
      out += static_cast<char>(0x80 | (rune >> 6 & 0x3f));
      out += static_cast<char>(0x80 | (rune & 0x3f));
    }
  }
  return out;
}

}  // namespace

StatusOr<RelabelAction> ParseRelabelAction(std::string_view text) {
  for (const auto& [name, action] : kActions) {
    if (EqualsIgnoreCase(text, name)) return action;
  }
  return InvalidArgument("unknown relabel action {}", GoQuote(text));
}

std::string_view RelabelActionToString(RelabelAction action) {
  return kActions[static_cast<size_t>(action)].first;
}

// Upstream compiles the expression with its anchors, and shows them where it could not find the end
// of something.
static Status WithAnchors(const Status& status, const std::string& regex) {
  constexpr std::string_view kParen = "error parsing regexp: missing closing )";
  constexpr std::string_view kBracket = "error parsing regexp: missing closing ]";
  constexpr std::string_view kUnexpected = "error parsing regexp: unexpected )";
  constexpr std::string_view kBackslash =
      "error parsing regexp: trailing backslash at end of expression";
  const std::string_view message = MessageOf(status);
  if (message.starts_with(kBracket)) {
    return InvalidArgument("{})$`", message.substr(0, message.size() - 1));
  }
  const bool backslash = message.starts_with(kBackslash);
  const std::string_view reason = backslash ? kParen : message.substr(0, message.find(": `"));
  if (reason != kParen && reason != kUnexpected) return status;
  return InvalidArgument("{}: `^(?s:{})$`", reason, regex);
}

StatusOr<RelabelRule> RelabelRule::Compile(RelabelConfig config, NameValidation validation) {
  RelabelRule rule;
  auto regex = AnchoredRegex::Compile(config.regex);
  if (!regex.ok()) return WithAnchors(regex.status(), config.regex);
  rule.regex_ = *std::move(regex);
  NX_RETURN_IF_ERROR(Validate(config, validation));
  rule.validation_ = validation;
  rule.constant_ = !HasVariable(config.target_label) && !HasVariable(config.replacement);
  rule.matches_everything_ = config.regex == RelabelConfig::kDefaultRegex;
  rule.config_ = std::move(config);
  return rule;
}

bool RelabelRule::Apply(LabelsBuilder* labels) const {
  switch (config_.action) {
    case RelabelAction::kLabelMap: MapLabels(labels); return true;
    case RelabelAction::kLabelDrop: FilterLabels(true, labels); return true;
    case RelabelAction::kLabelKeep: FilterLabels(false, labels); return true;
    default: break;
  }
  const std::string value = JoinSources(config_, *labels);
  switch (config_.action) {
    case RelabelAction::kDrop: return !regex_->Matches(value);
    case RelabelAction::kKeep: return regex_->Matches(value);
    case RelabelAction::kDropEqual: return labels->Get(config_.target_label) != value;
    case RelabelAction::kKeepEqual: return labels->Get(config_.target_label) == value;
    case RelabelAction::kReplace: Replace(value, labels); return true;
    case RelabelAction::kLowercase:
    case RelabelAction::kUppercase:
      labels->Set(config_.target_label,
                  ChangeCase(value, config_.action == RelabelAction::kLowercase));
      return true;
    case RelabelAction::kHashMod:
      labels->Set(config_.target_label, std::to_string(Md5Low64(value) % config_.modulus));
      return true;
    default: return true;
  }
}

void RelabelRule::Replace(const std::string& value, LabelsBuilder* labels) const {
  if (constant_) {
    if (!matches_everything_ && !regex_->Matches(value)) return;
    labels->Set(config_.target_label, config_.replacement);
    return;
  }
  std::string target;
  if (!regex_->MatchAndExpand(value, config_.target_label, &target)) return;
  if (!IsValidLabelName(target, validation_)) return;
  std::string result;
  regex_->MatchAndExpand(value, config_.replacement, &result);
  labels->Set(target, result);  // an empty result deletes
}

void RelabelRule::MapLabels(LabelsBuilder* labels) const {
  const auto before = labels->pairs();
  for (const auto& [name, value] : before) {
    std::string target;
    if (regex_->MatchAndExpand(name, config_.replacement, &target)) labels->Set(target, value);
  }
}

void RelabelRule::FilterLabels(bool drop_matching, LabelsBuilder* labels) const {
  std::vector<std::string> doomed;
  for (const auto& [name, value] : labels->pairs()) {
    if (regex_->Matches(name) == drop_matching) doomed.push_back(name);
  }
  labels->Del(doomed);
}

StatusOr<RelabelRules> CompileRelabelRules(std::span<const RelabelConfig> configs,
                                           NameValidation validation) {
  RelabelRules rules;
  rules.reserve(configs.size());
  for (const RelabelConfig& config : configs) {
    NX_ASSIGN_OR_RETURN(RelabelRule rule, RelabelRule::Compile(config, validation));
    rules.push_back(std::move(rule));
  }
  return rules;
}

bool Relabel(std::span<const RelabelRule> rules, LabelsBuilder* labels) {
  for (const RelabelRule& rule : rules) {
    if (!rule.Apply(labels)) return false;
  }
  return true;
}

}  // namespace narthex
