// Whatever stands in a configuration or in a file of targets: it is refused or it works. The first
// byte chooses: a whole prometheus.yml whose relabel rules are then run, file_sd JSON, or YAML.

#include <cstddef>
#include <cstdint>

#include "core/base/check.h"
#include "server/config/config.h"
#include "server/discovery/file/file.h"

namespace narthex {
namespace {

void FuzzConfig(std::string_view text) {
  const auto config = config::Load(text, "/nonexistent", "fuzz.yml");
  if (!config.ok()) return;
  for (const config::ScrapeConfig& job : (*config)->scrape_configs) {
    for (const auto* rules : {&job.relabel_configs, &job.metric_relabel_configs}) {
      const auto compiled = CompileRelabelRules(*rules, job.name_validation);
      NX_CHECK(compiled.ok());
      LabelsBuilder labels(Labels{{"__address__", "a:1"}, {"job", "x"}, {"n", "v\xff"}});
      Relabel(*compiled, &labels);
      const Labels built = labels.Build();
      NX_CHECK(built == Labels::FromPairs(labels.pairs()));
    }
  }
  // What is printed can be read again.
  const auto again = config::Load((*config)->yaml, "/nonexistent", "fuzz.yml");
  NX_CHECK(again.ok() || (*config)->yaml.find("<secret>") != std::string::npos);
}

}  // namespace
}  // namespace narthex

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 3) {
    case 0:
      narthex::FuzzConfig(text);
      break;
    case 1:
      static_cast<void>(narthex::discovery::file::ParseTargetGroups(text, true, "f.json"));
      break;
    default:
      static_cast<void>(narthex::discovery::file::ParseTargetGroups(text, false, "f.yml"));
      break;
  }
  return 0;
}
