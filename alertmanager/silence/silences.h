#pragma once
// Silences: stored durably (core/kv, one MeshSilence message a key), matched against alerts.
//
// A silence's matchers never change under its id, so what an alert matched once stays true: the
// look-up keeps, for each alert, the ids that matched and tests only silences added since.
//
// Thread safety: all methods. Set and Expire return when the change is on disk.

#include <absl/container/flat_hash_map.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "alertmanager/matchers/matcher.h"
#include "alertmanager/types/alert.h"
#include "core/base/clock.h"
#include "core/base/mutex.h"
#include "core/base/status.h"
#include "core/kv/store.h"

namespace narthex::am {

enum class SilenceState { kExpired, kActive, kPending };
std::string_view SilenceStateText(SilenceState state);

struct Silence {
  std::string id;
  Matchers matchers;
  int64_t starts_at = 0, ends_at = 0, updated_at = 0;  // nanoseconds
  std::string created_by, comment;
  std::vector<std::pair<std::string, std::string>> annotations;

  SilenceState StateAt(int64_t now) const;
};
using SilencePtr = std::shared_ptr<const Silence>;

struct SilenceLimits {
  int64_t max_silences = 0;    // expired ones count; 0 = no limit
  int64_t max_size_bytes = 0;  // of one, encoded
};

class Silences {
 public:
  // Loads what the store holds. `retention_ns`: how long expired ones are kept.
  static StatusOr<std::unique_ptr<Silences>> Open(KvStore* store, const Clock& clock,
                                                  int64_t retention_ns, SilenceLimits limits);

  // Creates, edits in place, or replaces, as the rules of upstream have it; returns the id.
  // NotFound: silence not found. InvalidArgument otherwise.
  StatusOr<std::string> Set(Silence silence) EXCLUDES(mutex_);
  Status Expire(const std::string& id) EXCLUDES(mutex_);  // of an expired one is no error
  SilencePtr Get(const std::string& id) const EXCLUDES(mutex_);
  std::vector<SilencePtr> All() const EXCLUDES(mutex_);

  // Ids of the active silences that match, sorted.
  std::vector<std::string> SilencedBy(const Labels& labels) EXCLUDES(mutex_);
  // Forgets silences past their retention, and the look-ups of alerts.
  Status CollectGarbage() EXCLUDES(mutex_);
  int64_t CountByState(SilenceState state) const EXCLUDES(mutex_);

  // Reads a snapshot file of upstream's (length-delimited MeshSilence messages) into the store.
  Status Import(std::string_view snapshot) EXCLUDES(mutex_);

 private:
  struct Stored {
    SilencePtr silence;
    uint64_t version;  // when it was added
  };
  struct Lookup {
    uint64_t version = 0;  // silences up to this one were tested
    std::vector<std::string> ids;
  };

  Silences(KvStore* store, const Clock& clock, int64_t retention_ns, SilenceLimits limits)
      : store_(store), clock_(clock), retention_ns_(retention_ns), limits_(limits) {}
  Status Load() EXCLUDES(mutex_);
  void Adopt(Silence silence) REQUIRES(mutex_);
  Status Save(const Silence& silence) REQUIRES(mutex_);
  Status ExpireLocked(const Silence& silence, int64_t now) REQUIRES(mutex_);

  KvStore* const store_;
  const Clock& clock_;
  const int64_t retention_ns_;
  const SilenceLimits limits_;
  mutable Mutex mutex_;
  uint64_t version_ GUARDED_BY(mutex_) = 0;
  std::map<std::string, Stored> silences_ GUARDED_BY(mutex_);
  std::vector<std::pair<uint64_t, std::string>> by_version_ GUARDED_BY(mutex_);
  absl::flat_hash_map<uint64_t, Lookup> lookups_ GUARDED_BY(mutex_);
};

// The wire form in the store and in upstream's files.
std::string EncodeSilence(const Silence& silence, int64_t expires_at);
StatusOr<Silence> DecodeSilence(std::string_view bytes);
// "matcher set 0: …" and the like; checks times too.
Status ValidateSilence(const Silence& silence);

}  // namespace narthex::am
