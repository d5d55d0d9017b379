#include "core/flags/flags.h"
#include "core/metrics/registry.h"

namespace narthex {

void AddBuildInfo(Registry& registry, std::string_view program) {
  const BuildInfo& build = GetBuildInfo(program);
  // "linux/amd64", as Go names systems.
  const size_t slash = build.platform.find('/');
  const std::string os = build.platform.substr(0, slash);
  const std::string arch = slash == std::string::npos ? "" : build.platform.substr(slash + 1);
  registry
      .AddGaugeVec(fmt::format("{}_build_info", program),
                   fmt::format("A metric with a constant '1' value labeled by version, revision, "
                               "branch, goversion from which {} was built, and the goos and goarch "
                               "for the build.",
                               program),
                   {"branch", "goarch", "goos", "goversion", "revision", "tags", "version"})
      .With({build.branch, arch, os, build.compiler, build.revision, build.tags, build.version})
      .Set(1);
}

}  // namespace narthex
