#pragma once
// Threads that must run soon after they wake, on machines whose processors are all busy.

namespace narthex {

// Asks the scheduler for short turns of the calling thread, which come the sooner: a thread that
// wakes takes the processor from those with longer ones. Needs no privilege and takes no time from
// others. Linux before 6.12 ignores it.
void PreferPromptWakeups();

}  // namespace narthex
