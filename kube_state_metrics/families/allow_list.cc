#include "kube_state_metrics/families/allow_list.h"

#include <algorithm>

#include "core/strings/quote.h"

namespace narthex::ksm {
namespace {

bool Matches(std::string_view pattern, std::string_view key) {
  const size_t star = pattern.find('*');
  if (star == std::string_view::npos) return pattern == key;
  const std::string_view tail = pattern.substr(star + 1);
  return key.size() >= pattern.size() - 1 && key.starts_with(pattern.substr(0, star)) &&
         key.ends_with(tail);
}

}  // namespace

std::vector<std::string> CommaList(std::string_view text) {
  std::vector<std::string> items;
  for (const std::string_view item : SplitString(text, ',')) {
    if (const std::string_view trimmed = TrimSpace(item); !trimmed.empty()) {
      items.emplace_back(trimmed);
    }
  }
  return items;
}

Status AllowList::Parse(std::string_view text) {
  std::string_view rest = TrimSpace(text);
  while (!rest.empty()) {
    const size_t equals = rest.find('=');
    const size_t close = rest.find(']');
    const std::string_view resource = TrimSpace(rest.substr(0, std::min(equals, rest.size())));
    if (equals == std::string_view::npos || resource.empty() || close == std::string_view::npos ||
        close < equals + 2 || rest[equals + 1] != '[' ||
        rest.substr(equals + 2, close - equals - 2).find('[') != std::string_view::npos) {
      return InvalidArgument("invalid format: expected resource=[key1,key2],..., got \"{}\"", text);
    }
    KeyPatterns& keys = keys_[std::string(resource)];
    for (std::string& key : CommaList(rest.substr(equals + 2, close - equals - 2))) {
      keys.push_back(std::move(key));
    }
    rest = TrimSpace(rest.substr(close + 1));
    if (rest.empty()) break;
    if (rest.front() != ',') {
      return InvalidArgument("invalid format: expected a comma behind ']' in \"{}\"", text);
    }
    rest = TrimSpace(rest.substr(1));
  }
  return OkStatus();
}

Status AllowList::Check(const std::vector<std::string_view>& resources) const {
  for (const auto& [resource, keys] : keys_) {
    if (resource != "*" && std::ranges::find(resources, resource) == resources.end()) {
      return InvalidArgument("resource {} does not exist or is not enabled", resource);
    }
    for (const std::string& key : keys) {
      if (std::ranges::count(key, '*') > 1) {
        return InvalidArgument("key {} of resource {} has more than one wildcard", key, resource);
      }
    }
  }
  return OkStatus();
}

const KeyPatterns& AllowList::KeysOf(std::string_view resource) const {
  static const KeyPatterns none;
  auto found = keys_.find("*");
  if (found == keys_.end()) found = keys_.find(resource);
  return found == keys_.end() ? none : found->second;
}

bool KeyAllowed(const KeyPatterns& patterns, std::string_view key) {
  if (!patterns.empty() && patterns.front() == "*") return true;
  return std::ranges::any_of(patterns, [&](const std::string& pattern) {
    return pattern != "*" && Matches(pattern, key);
  });
}

std::map<std::string, std::string, std::less<>> Allowed(
    const KeyPatterns& patterns, const std::vector<std::pair<std::string, std::string>>& map) {
  std::map<std::string, std::string, std::less<>> allowed;
  for (const auto& [key, value] : map) {
    if (KeyAllowed(patterns, key)) allowed[key] = value;
  }
  return allowed;
}

}  // namespace narthex::ksm
