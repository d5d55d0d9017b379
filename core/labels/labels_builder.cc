#include <algorithm>

#include "core/labels/labels.h"

namespace narthex {
namespace {

constexpr auto kNameLess = [](const auto& pair, std::string_view name) {
  return pair.first < name;
};

bool Contains(std::span<const std::string> names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

void LabelsBuilder::Reset(const Labels& base) {
  pairs_.clear();
  for (const Label& label : base) pairs_.emplace_back(label.name, label.value);
}

LabelsBuilder& LabelsBuilder::Set(std::string_view name, std::string_view value) {
  if (value.empty()) return Del(name);
  auto at = std::lower_bound(pairs_.begin(), pairs_.end(), name, kNameLess);
  if (at != pairs_.end() && at->first == name) {
    at->second = std::string(value);  // a copy first: `value` may point into the old one
  } else {
    pairs_.emplace(at, name, value);
  }
  return *this;
}

LabelsBuilder& LabelsBuilder::Del(std::string_view name) {
  auto at = std::lower_bound(pairs_.begin(), pairs_.end(), name, kNameLess);
  if (at != pairs_.end() && at->first == name) pairs_.erase(at);
  return *this;
}

LabelsBuilder& LabelsBuilder::Keep(std::span<const std::string> names) {
  std::erase_if(pairs_, [&](const auto& pair) { return !Contains(names, pair.first); });
  return *this;
}

LabelsBuilder& LabelsBuilder::Del(std::span<const std::string> names) {
  std::erase_if(pairs_, [&](const auto& pair) { return Contains(names, pair.first); });
  return *this;
}

std::string_view LabelsBuilder::Get(std::string_view name) const {
  auto at = std::lower_bound(pairs_.begin(), pairs_.end(), name, kNameLess);
  return at != pairs_.end() && at->first == name ? std::string_view(at->second)
                                                 : std::string_view();
}

}  // namespace narthex
