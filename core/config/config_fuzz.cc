// Any bytes: the reader must end within its limits, and what it prints must read back the same.

#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "core/config/decode.h"

namespace {

struct Probe {
  std::string text;
  std::vector<Probe> children;
  std::map<std::string, std::string> pairs;
  void Describe(narthex::config::Fields& f) {
    f.Type("fuzz.Probe");
    f.Field("text", text);
    f.Field("children", children);
    f.Field("pairs", pairs);
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  Probe probe;
  if (!narthex::config::Decode(text, &probe).ok()) return 0;
  const std::string printed = narthex::config::Marshal(probe);
  Probe again;
  if (!narthex::config::Decode(printed, &again).ok()) std::abort();
  if (narthex::config::Marshal(again) != printed) std::abort();
  return 0;
}
