#include "server/scrape/target_status.h"

namespace narthex::scrape {

std::string_view HealthToString(Health health) {
  switch (health) {
    case Health::kUp: return "up";
    case Health::kDown: return "down";
    case Health::kUnknown: break;
  }
  return "unknown";
}

}  // namespace narthex::scrape
