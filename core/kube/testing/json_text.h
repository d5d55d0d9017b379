#pragma once
// JSON values back to text, with one member replaced: what a fake server needs to number objects.

#include <string>
#include <string_view>

#include "core/json/reader.h"

namespace narthex::kube {

std::string ToText(const JsonValue& value);
// The object with metadata.resourceVersion (and metadata.uid, where it has none) set.
JsonValue WithVersion(const JsonValue& object, uint64_t version, const std::string& uid);
// The object without its members of these names.
JsonValue Without(const JsonValue& object, std::initializer_list<std::string_view> names);

}  // namespace narthex::kube
