#include "pushgateway/group_store.h"

#include <map>
#include <random>

#include "core/exposition/families.h"
#include "core/metrics/consistency.h"
#include "pushgateway/exposition.h"
#include "tests/catch.h"

namespace narthex::pushgateway {
namespace {

TEST_CASE("the incremental check judges as a check of everything does") {
  std::mt19937 rng(11);
  GroupStore store({});
  std::map<std::string, std::map<std::string, MetricFamily>> model;  // group → name → family
  int refused = 0;
  for (int step = 0; step < 600; ++step) {
    // Few names, types and labels, so that contradictions happen all the time.
    const std::string group_label = std::to_string(rng() % 3);
    Grouping grouping = {{"job", "j"}};
    if (rng() % 2) grouping["x"] = group_label;
    std::string body;
    const char* names[] = {"a", "b", "a_count"};
    const char* types[] = {"gauge", "counter", "histogram"};
    const std::string name = names[rng() % 3], type = types[rng() % 3];
    body = "# TYPE " + name + " " + type + "\n";
    for (unsigned i = 0; i < 1 + rng() % 3; ++i) {
      const std::string labels =
          "{y=\"" + std::to_string(rng() % 3) + "\",x=\"" + std::to_string(rng() % 3) + "\"";
      body += type == "histogram" ? name + "_bucket" + labels + ",le=\"+Inf\"} 1\n"
                                  : name + labels + "} 1\n";
    }
    const bool replace = rng() % 3 == 0;
    auto families = ParseTextFamilies(body);
    if (!families.ok()) continue;

    auto next = model;
    auto& content = next[GroupKey(grouping)];
    if (replace) content.clear();
    for (MetricFamily& f : Relabel(*families, grouping)) content[f.name] = f;
    std::vector<MetricFamily> all;
    for (const auto& [key, group] : next) {
      for (const auto& [n, f] : group) all.push_back(f);
    }
    const bool consistent = MergeFamilies(all).errors.empty();
    const Status status = store.Push(grouping, *families, replace);
    CAPTURE(step, body);
    REQUIRE(status.ok() == consistent);
    if (consistent) {
      model = std::move(next);
    } else {
      ++refused;
    }
    if (rng() % 20 == 0) {
      REQUIRE(store.Delete(grouping).ok());
      model.erase(GroupKey(grouping));
    }
  }
  CHECK(refused > 50);
}

}  // namespace
}  // namespace narthex::pushgateway
