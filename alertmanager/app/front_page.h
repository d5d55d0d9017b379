#pragma once
// The page at "/": what is firing, what is silenced, and the way to the API. Plain HTML without
// scripts; what senders of alerts have written is text in it, and never more.
//
// Thread safety: none needed; a pure function.

#include <string>
#include <vector>

#include "alertmanager/silence/silences.h"
#include "alertmanager/types/alert.h"

namespace narthex::am {

struct FrontPageAlert {
  AlertPtr alert;
  bool suppressed = false;  // silenced or inhibited
};

// `alerts`: those that are not resolved. Both lists are cut after kMaxFrontPageRows.
inline constexpr size_t kMaxFrontPageRows = 1000;
std::string FrontPage(const std::string& prefix, int64_t now, std::vector<FrontPageAlert> alerts,
                      std::vector<SilencePtr> silences);

}  // namespace narthex::am
