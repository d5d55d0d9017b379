// Apart from the other types: what has no patterns in its configuration is linked without RE2.

#include "core/config/types.h"

namespace narthex::config {

StatusOr<AnchoredPattern> AnchoredPattern::ParseText(std::string_view value) {
  AnchoredPattern pattern;
  pattern.text = value;
  NX_ASSIGN_OR_RETURN(pattern.regex, AnchoredRegex::Compile(pattern.text));
  return pattern;
}

}  // namespace narthex::config
