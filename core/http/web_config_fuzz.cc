// The web.config.file parser on arbitrary text.
#include <cstdint>

#include "core/http/web_config.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  // A directory without files, so that nothing of the machine is read by a relative path.
  (void)narthex::http::ParseWebConfig(text, "/nonexistent");
  return 0;
}
