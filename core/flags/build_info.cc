#include <fmt/format.h>

#include "core/flags/flags.h"

namespace narthex {
namespace {

// The upstream release whose behaviour the programs offer. Clients decide by this number which
// features they may use (Grafana reads /api/v1/status/buildinfo), so it is what `version` says; our
// own release number is among the tags.
constexpr std::string_view kCompatibleVersion = "3.5.0";

}  // namespace

const BuildInfo& GetBuildInfo() {
  static const BuildInfo* const info = new BuildInfo{
      .version = std::string(kCompatibleVersion),
      .revision = NARTHEX_REVISION[0] != '\0' ? NARTHEX_REVISION : "unknown",
      .branch = NARTHEX_BRANCH[0] != '\0' ? NARTHEX_BRANCH : "unknown",
      .build_user = "narthex",
      .build_date = "unknown",  // builds are reproducible
      .compiler = NARTHEX_COMPILER,
      .platform = NARTHEX_PLATFORM,
      .tags = "narthex-" NARTHEX_VERSION,
  };
  return *info;
}

std::string VersionText(std::string_view program) {
  const BuildInfo& info = GetBuildInfo();
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
