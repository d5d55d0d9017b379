#include "alertmanager/config/features.h"

#include <algorithm>

#include "core/strings/quote.h"

namespace narthex::am {

StatusOr<Features> ParseFeatures(std::string_view list) {
  static constexpr std::string_view kOthers[] = {"alert-names-in-metrics",
                                                 "receiver-name-in-metrics", "group-key-in-metrics",
                                                 "auto-gomemlimit", "event-recorder"};
  Features features;
  bool classic = false, strict = false;
  for (std::string_view name : SplitString(list, ',')) {
    if (name.empty()) continue;
    if (name == "classic-mode") {
      classic = true;
    } else if (name == "utf8-strict-mode") {
      strict = true;
    } else if (std::find(std::begin(kOthers), std::end(kOthers), name) != std::end(kOthers)) {
      features.others.emplace_back(name);
    } else {
      return InvalidArgument(
          "error parsing the feature flag list: unknown option '{}' for --enable-feature", name);
    }
  }
  if (classic && strict) {
    return InvalidArgument(
        "error parsing the feature flag list: cannot have both classic and UTF-8 modes enabled");
  }
  features.matcher_syntax = classic  ? MatcherSyntax::kClassic
                            : strict ? MatcherSyntax::kUtf8Strict
                                     : MatcherSyntax::kFallback;
  return features;
}

}  // namespace narthex::am
