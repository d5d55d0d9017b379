#include <fmt/format.h>

#include <map>
#include <utility>

#include "core/flags/flags.h"

namespace narthex {
namespace {

// The upstream release whose behaviour each program offers. Clients decide by this number which
// features they may use (Grafana reads /api/v1/status/buildinfo, amtool compares it with its own),
// so it is what `version` says; our own release number is among the tags.
constexpr std::pair<std::string_view, std::string_view> kCompatibleVersions[] = {
    {"prometheus", "3.5.0"},   {"alertmanager", "0.34.0"},  {"amtool", "0.34.0"},
    {"pushgateway", "1.11.3"}, {"node_exporter", "1.12.1"}, {"kube_state_metrics", "2.20.0"},
};

BuildInfo Make(std::string_view version) {
  return BuildInfo{
      .version = std::string(version),
      .revision = NARTHEX_REVISION[0] != '\0' ? NARTHEX_REVISION : "unknown",
      .branch = NARTHEX_BRANCH[0] != '\0' ? NARTHEX_BRANCH : "unknown",
      .build_user = "narthex",
      .build_date = "unknown",  // builds are reproducible
      .compiler = NARTHEX_COMPILER,
      .platform = NARTHEX_PLATFORM,
      .tags = "narthex-" NARTHEX_VERSION,
  };
}

}  // namespace

const BuildInfo& GetBuildInfo(std::string_view program) {
  static const auto* const known = [] {
    auto* infos = new std::map<std::string_view, BuildInfo>;
    for (const auto& [name, version] : kCompatibleVersions) infos->emplace(name, Make(version));
    infos->emplace("", Make(NARTHEX_VERSION));  // programs without an upstream twin
    return infos;
  }();
  const auto found = known->find(program);
  return found == known->end() ? known->at("") : found->second;
}

std::string VersionText(std::string_view program) {
  const BuildInfo& info = GetBuildInfo(program);
  return fmt::format(
      "{}, version {} (branch: {}, revision: {})\n"
      "  build user:       {}\n"
      "  build date:       {}\n"
      "  compiler:         {}\n"
      "  platform:         {}\n"
      "  tags:             {}",
      program, info.version, info.branch, info.revision, info.build_user, info.build_date,
      info.compiler, info.platform, info.tags);
}

}  // namespace narthex
