#pragma once
// One running discovery mechanism. Driven by its Manager's thread, which alone calls it.

#include <cstdint>

#include "server/discovery/target_group.h"

namespace narthex::discovery {

class Provider {
 public:
  virtual ~Provider() = default;
  // A descriptor that turns readable when there may be news; -1 for none.
  virtual int fd() const = 0;
  // When to look again, in monotonic milliseconds.
  virtual int64_t next_refresh_ms() const = 0;
  // Looks now. True when the groups changed.
  virtual bool Refresh(int64_t now_ms) = 0;
  // What the descriptor says. True when it asks for a Refresh.
  virtual bool DrainEvents() = 0;
  virtual const TargetGroups& groups() const = 0;
};

}  // namespace narthex::discovery
