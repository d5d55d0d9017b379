#pragma once
// What happens in the process that is killed, and what it reports.

#include <cstdint>
#include <optional>
#include <string_view>

#include "tests/crash/workload.h"

namespace narthex::crash {

enum class Action {
  kOpen,
  kWrite,
  kCompact,
  kCheckpoint,
  kSnapshot,
  kRetention,
  kDelete,
  kClose,
  kExport
};

struct NamedAction {
  std::string_view name;
  Action action;
};
inline constexpr NamedAction kActions[] = {
    {"open", Action::kOpen},         {"write", Action::kWrite},
    {"compact", Action::kCompact},   {"checkpoint", Action::kCheckpoint},
    {"snapshot", Action::kSnapshot}, {"retention", Action::kRetention},
    {"delete", Action::kDelete},     {"close", Action::kClose},
    {"export", Action::kExport}};

inline std::optional<Action> ActionByName(std::string_view name) {
  for (const NamedAction& a : kActions) {
    if (a.name == name) return a.action;
  }
  return std::nullopt;
}

inline constexpr int64_t kShortRetention = 2 * kRange;  // of the action "retention"
inline constexpr int kDeletedFrom = 30;                 // ticks the action "delete" deletes
inline constexpr int kDeletedTo = 250;

inline constexpr int32_t kActionDone = -1;
inline constexpr int32_t kCallsBase = -1000;  // kCallsBase - n: n calls were counted

}  // namespace narthex::crash
