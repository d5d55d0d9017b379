#pragma once
// Label and field selectors as the API server applies them.

#include <string_view>

#include "core/json/reader.h"

namespace narthex::kube {

// "app=x,tier in (a, b),!legacy"; an empty selector matches.
bool MatchesLabels(const JsonValue& object, std::string_view selector);
// "metadata.name=x,spec.nodeName!=y": any path of the object.
bool MatchesFields(const JsonValue& object, std::string_view selector);

}  // namespace narthex::kube
