#pragma once
// What the tests of this folder share: collectors chosen by a command line, run over the fixtures.

#include <string>
#include <string_view>
#include <vector>

#include "core/exposition/writer.h"
#include "core/metrics/consistency.h"
#include "node_exporter/collector_set.h"
#include "tests/catch.h"

namespace narthex::node {

// The trees of testdata/.
inline const Paths kFixture{.procfs = "testdata/proc",
                            .sysfs = "testdata/sys",
                            .rootfs = "testdata/root",
                            .udev_data = "testdata/udev"};

// A set of collectors as a command line makes it.
struct Configured {
  explicit Configured(const std::vector<std::string>& arguments, const Paths& paths = kFixture)
      : flags("node_exporter", ""), set(flags) {
    status = flags.TryParse(arguments);
    if (status.ok()) status = set.Create(paths, flags);
  }
  FlagSet flags;
  CollectorSet set;
  Status status;
};

// All the set says, without the times scrapes took.
inline std::string ScrapeText(const CollectorSet& set) {
  ScrapePool pool(1);
  std::vector<const NamedCollector*> all;
  for (const auto& c : set.enabled()) all.push_back(&c);
  auto gathered = MergeFamilies(Scrape(all, pool, Clock::System()));
  CHECK(gathered.errors == std::vector<std::string>{});
  std::erase_if(gathered.families, [](const MetricFamily& f) {
    return f.name == "node_scrape_collector_duration_seconds";
  });
  return WriteFamilies(gathered.families, {});
}

// The output of one collector, switched on alone.
inline std::string Collect(const std::string& name, std::vector<std::string> arguments = {},
                           const Paths& paths = kFixture) {
  arguments.insert(arguments.begin(), {"--collector.disable-defaults", "--collector." + name});
  Configured configured(arguments, paths);
  REQUIRE(MessageOf(configured.status) == "");
  return ScrapeText(configured.set);
}

inline bool Contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

}  // namespace narthex::node
