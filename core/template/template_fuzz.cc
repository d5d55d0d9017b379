// Any text: parsing and execution must end within their limits.

#include <cstddef>
#include <cstdint>

#include "core/template/prometheus_functions.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace narthex::tmpl;  // NOLINT
  static const auto* functions =
      new std::shared_ptr<const FunctionMap>(new FunctionMap(PrometheusFunctions({})));
  TemplateSet set(*functions);
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (!set.Parse("fuzz", std::string(kRuleTemplateHeader) + std::string(text)).ok()) return 0;
  const Value root = RuleTemplateData({{"a", "b"}}, {}, "http://x", 1.5);
  (void)set.Execute("fuzz", root, {.max_output = 1 << 16, .max_steps = 20'000});
  return 0;
}
