// The configuration of custom resource state, and the metrics it makes of an object.

#include "kube_state_metrics/custom/config.h"
#include "kube_state_metrics/custom/generator.h"
#include "kube_state_metrics/families/page.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace narthex;
  using namespace narthex::ksm;
  if (size > 1 << 14) return 0;
  const auto config = custom::ParseConfig({reinterpret_cast<const char*>(data), size});
  if (!config.ok()) return 0;
  static const auto object = ParseJson(
      R"({"metadata":{"name":"n"},"spec":{"a":[{"b":1,"type":"x"},{"b":"2"}],"c":{"d":true,"e":"50%"}}})");
  for (const auto& resource : *config) {
    const auto families =
        custom::MakeCustomFamilies(resource, {"g", "v", "k"}, *FamilyFilter::Make({}, {}, {}), 0);
    Store store;
    store.Put(Render(*families, "key", *object));
    const Store* stores[] = {&store};
    WriteResource(*families, stores, false, [](std::string_view) { return true; });
  }
  return 0;
}
