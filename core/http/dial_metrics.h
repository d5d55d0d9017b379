#pragma once
// How the connections of clients come and go, by the client's name: the families
// net_conntrack_dialer_* in upstream's terms. A refused connection counts as "refused" and as
// "unknown", as it does there.
//
// Thread safety: counters may be moved from any thread. They live as long as their registry.

#include <cstdint>
#include <string>

#include "core/metrics/registry.h"

namespace narthex::http {

enum class DialFailure : uint8_t { kResolution, kRefused, kTimeout, kUnknown };

struct DialCounters {
  Counter& attempted;
  Counter& established;
  Counter& closed;
  Counter& resolution;
  Counter& refused;
  Counter& timeout;
  Counter& unknown;

  void CountFailure(DialFailure failure);
};

// Those of one client name; the first call for it makes them, at zero.
DialCounters DialCountersOf(Registry& registry, const std::string& dialer_name);

}  // namespace narthex::http
