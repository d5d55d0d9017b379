#include "node_exporter/filter_flags.h"

#include "core/log/log.h"

namespace narthex::node {

std::string FilterFlags::FlagName(std::string_view side) const {
  return fmt::format("collector.{}.{}-{}", names_.collector, names_.subject, side);
}

void FilterFlags::Add(FlagSet& flags) {
  exclude_ = flags.String(FlagName("exclude"),
                          fmt::format("Regexp of {} to exclude (mutually exclusive to {}-include).",
                                      names_.plural, names_.subject),
                          names_.default_exclude);
  include_ = flags.String(FlagName("include"),
                          fmt::format("Regexp of {} to include (mutually exclusive to {}-exclude).",
                                      names_.plural, names_.subject),
                          "");
  const auto add_old = [&](const std::string& name, std::string_view side) -> std::string* {
    if (name.empty()) return nullptr;
    return flags.String(fmt::format("collector.{}.{}", names_.collector, name),
                        fmt::format("DEPRECATED: Use --{}", FlagName(side)), "", {.hidden = true});
  };
  old_exclude_ = add_old(names_.old_exclude, "exclude");
  old_include_ = add_old(names_.old_include, "include");
}

StatusOr<std::string> FilterFlags::Effective(const FlagSet& flags, std::string_view side,
                                             const std::string& old_name, const std::string* value,
                                             const std::string* old_value) const {
  if (old_value == nullptr || old_value->empty()) return *value;
  const std::string old_flag = fmt::format("--collector.{}.{}", names_.collector, old_name);
  if (flags.WasSet(FlagName(side))) {
    return InvalidArgument("{} and --{} are mutually exclusive", old_flag, FlagName(side));
  }
  NX_LOG(Warn,
         fmt::format("{} is DEPRECATED and will be removed in 2.0.0, use --{}", old_flag,
                     FlagName(side)),
         {"collector", names_.collector});
  return *old_value;
}

StatusOr<NameFilter> FilterFlags::Resolve(const FlagSet& flags) const {
  NX_ASSIGN_OR_RETURN(std::string exclude,
                      Effective(flags, "exclude", names_.old_exclude, exclude_, old_exclude_));
  NX_ASSIGN_OR_RETURN(std::string include,
                      Effective(flags, "include", names_.old_include, include_, old_include_));
  if (!include.empty()) {
    const bool only_default = !flags.WasSet(FlagName("exclude")) && exclude == *exclude_;
    if (only_default) exclude.clear();
    if (!exclude.empty()) {
      return InvalidArgument("{}-exclude & {}-include are mutually exclusive", names_.subject,
                             names_.subject);
    }
  }
  for (const auto& [side, value] : {std::pair{"exclude", &exclude}, {"include", &include}}) {
    if (value->empty()) continue;
    NX_LOG(Info, fmt::format("Parsed flag --{}", FlagName(side)), {"collector", names_.collector},
           {"flag", *value});
  }
  return NameFilter::Create(include, exclude);
}

}  // namespace narthex::node
