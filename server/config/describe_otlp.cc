// The section otlp: keys, and what is wrong with their values, in upstream's words.

#include <algorithm>
#include <set>

#include "core/strings/quote.h"
#include "server/config/describe.h"

namespace narthex::config {
namespace {

constexpr std::string_view kStrategies[] = {"", "UnderscoreEscapingWithSuffixes",
                                            "UnderscoreEscapingWithoutSuffixes"};
constexpr std::string_view kUtf8Strategies[] = {"NoUTF8EscapingWithSuffixes", "NoTranslation"};

template <size_t n>
bool IsOneOf(const std::string_view (&list)[n], std::string_view text) {
  return std::find(std::begin(list), std::end(list), text) != std::end(list);
}

// Trims the names, and says of each that is empty or there before what is wrong.
Status CheckNames(std::string_view key, std::string_view verb, std::vector<std::string>* names) {
  std::set<std::string> seen;
  std::string faults;
  for (std::string& name : *names) {
    name = std::string(TrimSpace(name));
    std::string fault;
    if (name.empty()) {
      fault = fmt::format("empty {} OTel resource attribute", verb);
    } else if (!seen.insert(name).second) {
      fault = fmt::format("duplicated {} OTel resource attribute {}", verb, GoQuote(name));
    }
    if (!fault.empty()) faults += (faults.empty() ? "" : "\n") + fault;
  }
  return faults.empty() ? OkStatus() : InvalidArgument("invalid '{}': {}", key, faults);
}

}  // namespace

void Describe(Fields& f, OtlpConfig& otlp) {
  f.Type("config.plain", "config.OTLPConfig");
  f.Field("promote_all_resource_attributes", otlp.promote_all_resource_attributes);
  f.Field("promote_resource_attributes", otlp.promote_resource_attributes);
  f.Field("ignore_resource_attributes", otlp.ignore_resource_attributes);
  f.Field("translation_strategy", otlp.translation_strategy);
  f.Field("keep_identifying_resource_attributes", otlp.keep_identifying_resource_attributes);
  f.Field("convert_histograms_to_nhcb", otlp.convert_histograms_to_nhcb);
  f.Field("promote_scope_metadata", otlp.promote_scope_metadata);
  f.Field("label_name_underscore_sanitization", otlp.label_name_underscore_sanitization);
  f.Field("label_name_preserve_multiple_underscores",
          otlp.label_name_preserve_multiple_underscores);
}

Status AfterDecode(OtlpConfig& otlp) {
  if (otlp.promote_all_resource_attributes) {
    if (!otlp.promote_resource_attributes.empty()) {
      return InvalidArgument(
          "'promote_all_resource_attributes' and 'promote_resource_attributes' cannot be "
          "configured simultaneously");
    }
    return CheckNames("ignore_resource_attributes", "ignored", &otlp.ignore_resource_attributes);
  }
  if (!otlp.ignore_resource_attributes.empty()) {
    return InvalidArgument(
        "'ignore_resource_attributes' cannot be configured unless "
        "'promote_all_resource_attributes' is true");
  }
  return CheckNames("promote_resource_attributes", "promoted", &otlp.promote_resource_attributes);
}

Status CheckStrategy(const GlobalConfig& global, const OtlpConfig& otlp) {
  const std::string& strategy = otlp.translation_strategy;
  if (IsOneOf(kStrategies, strategy)) return OkStatus();
  if (!IsOneOf(kUtf8Strategies, strategy)) {
    return InvalidArgument("unsupported OTLP translation strategy {}", GoQuote(strategy));
  }
  if (global.name_validation == NameValidation::kUtf8) return OkStatus();
  return InvalidArgument("OTLP translation strategy {} is not allowed when UTF8 is disabled",
                         GoQuote(strategy));
}

}  // namespace narthex::config
