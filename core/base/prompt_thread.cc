#include "core/base/prompt_thread.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>

namespace narthex {
namespace {

constexpr uint64_t kTurnNanos = 100'000;  // the shortest there is

// struct sched_attr of the kernel, which the C library does not declare.
struct SchedulingAttributes {
  uint32_t size = sizeof(SchedulingAttributes);
  uint32_t policy = 0;
  uint64_t flags = 0;
  int32_t nice = 0;
  uint32_t priority = 0;
  uint64_t runtime = 0, deadline = 0, period = 0;
};

}  // namespace

void PreferPromptWakeups() {
  SchedulingAttributes attributes;
  if (::syscall(SYS_sched_getattr, 0, &attributes, sizeof attributes, 0) != 0) return;
  if (attributes.policy != 0) return;  // somebody has chosen another policy for us
  attributes.runtime = kTurnNanos;
  (void)::syscall(SYS_sched_setattr, 0, &attributes, 0);
}

}  // namespace narthex
