#include "node_exporter/collector_set.h"

#include <algorithm>

#include "node_exporter/collectors/all.h"
#include "node_exporter/testing.h"

namespace narthex::node {
namespace {

TEST_CASE("filters: both sides, deprecated names, bad expressions") {
  struct Case {
    std::vector<std::string> arguments;
    std::string error;  // "" when it must work
  };
  const std::string d = "--collector.diskstats.", n = "--collector.netdev.";
  const Case cases[] = {
      {{d + "device-include=sda"}, ""},
      {{d + "device-include=sda", d + "device-exclude=x"},
       "couldn't create collector: device-exclude & device-include are mutually exclusive"},
      {{d + "device-include=sda", d + "device-exclude="}, ""},
      {{d + "ignored-devices=^sda$"}, ""},
      {{d + "ignored-devices=^sda$", d + "device-exclude=x"},
       "couldn't create collector: --collector.diskstats.ignored-devices and "
       "--collector.diskstats.device-exclude are mutually exclusive"},
      {{n + "device-blacklist=lo"}, ""},
      {{n + "device-whitelist=lo", n + "device-blacklist=x"},
       "couldn't create collector: device-exclude & device-include are mutually exclusive"},
      {{"--collector.filesystem.ignored-mount-points=x"}, ""},
      {{"--collector.filesystem.ignored-fs-types=x"}, ""},
      {{d + "device-include=("},
       "couldn't create collector: error parsing regexp: missing closing ): `(`"},
      {{"--collector.arp"}, "the arp collector is not implemented: remove --collector.arp"},
      {{"--no-collector.arp"}, ""},
      {{"--collector.systemd"},
       "the systemd collector is not implemented: remove --collector.systemd"},
  };
  for (const Case& c : cases) {
    Configured configured(c.arguments);
    CAPTURE(c.arguments);
    CHECK(MessageOf(configured.status) == c.error);
  }
  CHECK_FALSE(Contains(Collect("diskstats", {d + "ignored-devices=^sda$"}), "\"sda\""));
  CHECK(Contains(Collect("diskstats", {d + "device-include=^(sda1|ram0)$"}), "device=\"ram0\""));
}

TEST_CASE("the table of collectors is complete and sorted") {
  const auto all = AllCollectors();
  CHECK(all.size() == 79);
  CHECK(std::is_sorted(all.begin(), all.end(),
                       [](const auto& a, const auto& b) { return a.name < b.name; }));
  CHECK(std::count_if(all.begin(), all.end(), [](const auto& e) { return e.default_enabled; }) ==
        49);
}

}  // namespace
}  // namespace narthex::node
