#pragma once
// --enable-feature, as the server and amtool read it.

#include <string>
#include <string_view>
#include <vector>

#include "alertmanager/matchers/matcher.h"
#include "core/base/status.h"

namespace narthex::am {

struct Features {
  MatcherSyntax matcher_syntax = MatcherSyntax::kFallback;
  std::vector<std::string> others;  // known upstream, of no effect here
};

// A comma-separated list. InvalidArgument names what is unknown or contradicts itself.
StatusOr<Features> ParseFeatures(std::string_view list);

}  // namespace narthex::am
