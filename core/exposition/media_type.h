#pragma once
// Accept and Content-Type headers taken apart, as Go programs do it.

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/status.h"

namespace narthex {

struct MediaRange {
  std::string_view type;  // "text/plain", "*/*"
  double q = 1;
  std::vector<std::pair<std::string_view, std::string_view>> params;  // without q

  std::string_view Param(std::string_view name) const;  // or ""
};

// The ranges of an Accept header, best first; the views point into `accept`. Reads at most 64.
std::vector<MediaRange> ParseAccept(std::string_view accept);

// mime.ParseMediaType: the lower-cased media type of a Content-Type, after a check of all
// parameters. Errors in Go's words.
StatusOr<std::string> ParseMediaType(std::string_view content_type);

}  // namespace narthex
