// Whatever stands in a configuration or in a file of targets: it is refused or it works. The first
// byte chooses: a whole prometheus.yml whose relabel rules are then run over a label set that may
// follow behind 0x01 as lines of name=value, file_sd JSON, or YAML.

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "core/base/check.h"
#include "core/labels/relabel.h"
#include "core/strings/quote.h"
#include "server/config/config.h"
#include "server/discovery/file/file.h"

namespace narthex {
namespace {

std::vector<std::pair<std::string, std::string>> LabelsOf(std::string_view text) {
  if (text.empty()) return {{"__address__", "a:1"}, {"job", "x"}, {"n", "v\xff"}};
  std::vector<std::pair<std::string, std::string>> pairs;
  for (const std::string_view line : SplitString(text, '\n')) {
    const size_t equals = line.find('=');
    if (equals == std::string_view::npos || equals == 0) continue;
    pairs.emplace_back(line.substr(0, equals), line.substr(equals + 1));
  }
  return pairs;
}

// The same rules make the same of the same labels, in order and without empty values.
void CheckRules(const RelabelRules& rules, const Labels& input) {
  LabelsBuilder labels(input), again(input);
  const bool keep = Relabel(rules, &labels);
  NX_CHECK(Relabel(rules, &again) == keep);
  const Labels built = labels.Build();
  NX_CHECK(built == Labels::FromPairs(labels.pairs()) && built == again.Build());
  for (const Label& label : built) NX_CHECK(!label.value.empty());
}

void FuzzConfig(std::string_view input) {
  const size_t cut = std::min(input.find('\x01'), input.size());
  const std::string_view text = input.substr(0, cut);
  const auto pairs = LabelsOf(input.substr(std::min(cut + 1, input.size())));
  const Labels labels = Labels::FromPairs(pairs);
  const auto config = config::Load(text, "/nonexistent", "fuzz.yml");
  if (!config.ok()) return;
  for (const config::ScrapeConfig& job : (*config)->scrape_configs) {
    for (const auto* rules : {&job.relabel_configs, &job.metric_relabel_configs}) {
      const auto compiled = CompileRelabelRules(*rules, job.name_validation);
      NX_CHECK(compiled.ok());
      CheckRules(*compiled, labels);
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
    case 0: narthex::FuzzConfig(text); break;
    case 1:
      static_cast<void>(narthex::discovery::file::ParseTargetGroups(text, true, "f.json"));
      break;
    default:
      static_cast<void>(narthex::discovery::file::ParseTargetGroups(text, false, "f.yml"));
      break;
  }
  return 0;
}
