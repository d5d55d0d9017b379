#pragma once
// Which family of an exposition a series belongs to, by its name: what gives it its metadata.

#include <algorithm>
#include <array>
#include <span>
#include <string>
#include <string_view>

#include "server/storage/interface.h"

namespace narthex::storage {

// Whether series of families of this type may end in `suffix`.
inline bool TypeHasSuffix(std::string_view type, std::string_view suffix) {
  if (type == "counter") return suffix == "_total" || suffix == "_created";
  if (type == "histogram") return suffix != "_total" && suffix != "_info" && suffix[1] != 'g';
  if (type == "gaugehistogram") {
    return suffix == "_bucket" || suffix == "_gcount" || suffix == "_gsum" || suffix == "_count" ||
           suffix == "_sum";
  }
  if (type == "summary") return suffix == "_count" || suffix == "_sum" || suffix == "_created";
  return type == "info" && suffix == "_info";
}

// The metadata of the series `name` among `families`, which are sorted by name; nullptr: none.
inline const MetricMetadata* FindMetadata(std::span<const FamilyMetadata> families,
                                          std::string_view name) {
  const auto find = [&](std::string_view family) -> const MetricMetadata* {
    const auto at = std::lower_bound(
        families.begin(), families.end(), family,
        [](const FamilyMetadata& f, std::string_view wanted) { return f.family < wanted; });
    return at != families.end() && at->family == family ? &at->metadata : nullptr;
  };
  if (const MetricMetadata* own = find(name)) return own;
  static constexpr std::array<std::string_view, 8> kSuffixes = {
      "_total", "_created", "_bucket", "_count", "_sum", "_gcount", "_gsum", "_info"};
  for (const std::string_view suffix : kSuffixes) {
    if (name.size() <= suffix.size() || !name.ends_with(suffix)) continue;
    const MetricMetadata* family = find(name.substr(0, name.size() - suffix.size()));
    if (family != nullptr && TypeHasSuffix(family->type, suffix)) return family;
  }
  return nullptr;
}

}  // namespace narthex::storage
