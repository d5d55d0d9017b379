// Any JSON through every resource's families and a scrape of what comes out.

#include "kube_state_metrics/families/page.h"
#include "kube_state_metrics/resources/resource.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace narthex;
  using namespace narthex::ksm;
  static const auto* const sets = [] {
    auto* all = new std::vector<std::shared_ptr<const FamilySet>>;
    AllowList everything;
    (void)everything.Parse("*=[*]");
    for (const Resource& resource : Resources()) {
      all->push_back(
          MakeFamilySet(resource, everything, everything, *FamilyFilter::Make({}, {}, {".*"})));
    }
    return all;
  }();
  const auto object =
      ParseJson({reinterpret_cast<const char*>(data), size}, {.max_bytes = 1 << 16});
  if (!object.ok()) return 0;
  for (const auto& families : *sets) {
    Store store;
    store.Put(Render(*families, "key", *object));
    const Store* stores[] = {&store};
    WriteResource(*families, stores, true, [](std::string_view) { return true; });
  }
  return 0;
}
