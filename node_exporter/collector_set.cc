#include "node_exporter/collector_set.h"

#include <algorithm>

#include "node_exporter/collectors/all.h"

namespace narthex::node {

CollectorSet::CollectorSet(FlagSet& flags) {
  for (const CollectorEntry& entry : AllCollectors()) {
    Switch s{
        .entry = &entry, .on = nullptr, .plugin = entry.make != nullptr ? entry.make() : nullptr};
    if (s.plugin != nullptr) s.plugin->AddFlags(flags);
    switches_.push_back(std::move(s));
  }
  for (Switch& s : switches_) {
    // Those not built here are declared so that they can be switched off, and refused by name.
    const bool on = s.entry->default_enabled && s.plugin != nullptr;
    s.on = flags.Bool(fmt::format("collector.{}", s.entry->name),
                      fmt::format("Enable the {} collector ({}).", s.entry->name,
                                  s.plugin == nullptr ? "not implemented"
                                  : on                ? "default: enabled"
                                                      : "default: disabled"),
                      on, {.hidden = s.plugin == nullptr});
  }
  disable_defaults_ =
      flags.Bool("collector.disable-defaults", "Set all collectors to disabled by default.", false);
}

CollectorSet::~CollectorSet() = default;

Status CollectorSet::Create(const Paths& paths, const FlagSet& flags) {
  for (const Switch& s : switches_) {
    const bool explicitly = flags.WasSet(fmt::format("collector.{}", s.entry->name));
    if (!*s.on || (*disable_defaults_ && !explicitly)) continue;
    if (s.plugin == nullptr) {
      return Unimplemented("the {} collector is not implemented: remove --collector.{}",
                           s.entry->name, s.entry->name);
    }
    auto collector = s.plugin->Create(paths, flags);
    if (!collector.ok()) return Annotate(collector.status(), "couldn't create collector");
    enabled_.push_back({std::string(s.entry->name), *std::move(collector)});
  }
  return OkStatus();
}

StatusOr<std::vector<const NamedCollector*>> CollectorSet::Select(
    const std::vector<std::string>& collect, const std::vector<std::string>& exclude) const {
  const auto contains = [](const std::vector<std::string>& list, std::string_view name) {
    return std::find(list.begin(), list.end(), name) != list.end();
  };
  for (const std::string& name : collect) {
    const auto is_enabled = [&](const NamedCollector& c) { return c.name == name; };
    if (std::any_of(enabled_.begin(), enabled_.end(), is_enabled)) continue;
    const auto is_known = [&](const Switch& s) { return s.entry->name == name; };
    const bool known = std::any_of(switches_.begin(), switches_.end(), is_known);
    return InvalidArgument("couldn't create collector: {} collector: {}",
                           known ? "disabled" : "missing", name);
  }
  std::vector<const NamedCollector*> selected;
  for (const NamedCollector& c : enabled_) {
    if (!collect.empty() ? contains(collect, c.name) : !contains(exclude, c.name)) {
      selected.push_back(&c);
    }
  }
  if (selected.empty()) {
    for (const NamedCollector& c : enabled_) selected.push_back(&c);
  }
  return selected;
}

}  // namespace narthex::node
