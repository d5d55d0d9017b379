#include "kube_state_metrics/families/filter.h"

#include <algorithm>
#include <regex>  // for look-ahead, which RE2 has not

#include "core/labels/regex.h"

namespace narthex::ksm {
namespace {

// The expressions are the operator's, the names short: the library's recursion has an end.
StatusOr<std::vector<std::regex>> Compile(const std::vector<std::string>& patterns) {
  std::vector<std::regex> out;
  for (const std::string& pattern : patterns) {
    try {
      out.emplace_back(pattern, std::regex::ECMAScript | std::regex::optimize);
    } catch (const std::regex_error& error) {
      return InvalidArgument("error parsing regexp `{}`: {}", pattern, error.what());
    }
  }
  return out;
}

bool AnyMatches(const std::vector<std::regex>& expressions, const std::string& name) {
  return std::ranges::any_of(expressions, [&](const std::regex& expression) {
    try {
      return std::regex_search(name, expression);
    } catch (const std::regex_error&) {  // too complex for this name
      return false;
    }
  });
}

}  // namespace

struct FamilyFilter::Impl {
  bool has_allow = false;
  std::vector<std::regex> allow, deny;
  std::vector<std::shared_ptr<const Regex>> opt_in;
};

StatusOr<FamilyFilter> FamilyFilter::Make(const std::vector<std::string>& allow,
                                          const std::vector<std::string>& deny,
                                          const std::vector<std::string>& opt_in) {
  if (!allow.empty() && !deny.empty()) {
    return InvalidArgument(
        "allowlist and denylist are both set, they are mutually exclusive, only one of them can be "
        "set");
  }
  auto impl = std::make_shared<Impl>();
  impl->has_allow = !allow.empty();
  NX_ASSIGN_OR_RETURN(impl->allow, Compile(allow));
  NX_ASSIGN_OR_RETURN(impl->deny, Compile(deny));
  for (const std::string& pattern : opt_in) {
    NX_ASSIGN_OR_RETURN(auto regex, Regex::Compile(pattern));
    impl->opt_in.push_back(std::move(regex));
  }
  FamilyFilter filter;
  filter.impl_ = std::move(impl);
  return filter;
}

bool FamilyFilter::IsOn(const Family& family) const {
  if (impl_->has_allow && !AnyMatches(impl_->allow, family.name)) return false;
  if (AnyMatches(impl_->deny, family.name)) return false;
  return !family.opt_in || std::ranges::any_of(impl_->opt_in, [&](const auto& regex) {
    return regex->Matches(family.name);
  });
}

}  // namespace narthex::ksm
