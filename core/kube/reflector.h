#pragma once
// Mirrors one resource of an API server to a handler: list in pages, then watch, for ever. Where it
// is asked for and the server has it, a watch that begins with what is there is both in one.
//
//   list ──► watch ──(end, disconnect)──► watch from the last resourceVersion
//    ▲         │
//    └─(410)───┴─(failures: jittered exponential back-off, Retry-After)
//
// Objects are decoded one at a time while they arrive and handed on; the reflector itself keeps of
// each only its key and a hash of its resourceVersion, so that a list after the first tells what
// has changed and what is gone.
//
// Threads: a reflector has none of its own. Bytes arrive on the I/O threads of the ClientRuntime in
// a bounded buffer; everything else, handlers included, happens on the Worker, which many
// reflectors share. No lock is held while a handler runs.

#include <chrono>
#include <cstdint>
#include <memory>
#include <string_view>

#include "core/base/status.h"
#include "core/json/reader.h"
#include "core/kube/api.h"
#include "core/kube/resource.h"
#include "core/kube/worker.h"

namespace narthex::kube {

enum class Change { kAdded, kModified };

// Called on the worker's thread only.
class ObjectHandler {
 public:
  virtual ~ObjectHandler() = default;
  // An object that is new or has changed; KeyOf(object) == key. Without metadata.managedFields.
  virtual void OnObject(std::string_view key, const JsonValue& object, Change change) = 0;
  virtual void OnDelete(std::string_view key) = 0;
  // A whole list has been told, those deleted meanwhile included: the state is complete. Once
  // after every list, so again after a 410.
  virtual void OnSynced() {}
  // The end of every list and of every watch: for metrics and logs. A watch that the server ended
  // in time is OK. `objects` is what the list held.
  virtual void OnListEnd(const Status& status, size_t objects) {
    (void)status;
    (void)objects;
  }
  virtual void OnWatchEnd(const Status& status) { (void)status; }
};

class Reflector {
 public:
  struct Options {
    Resource resource;
    size_t page_limit = 500;       // objects a page; 0: everything at once
    size_t object_limit = 0;       // list so many objects and no more; 0: all
    bool list_from_cache = false;  // resourceVersion=0: what the API server has in memory
    // Lists as streams of events; not with an object limit, nor where the server says that it has
    // none.
    bool stream_lists = false;
    size_t max_object_bytes = 8 << 20;
    size_t max_objects = 2'000'000;
    // Watches end at the server after a random time between these.
    std::chrono::seconds min_watch{300}, max_watch{600};
    std::chrono::milliseconds min_backoff{800}, max_backoff{30'000};
    // A watch without a word (bookmarks come each minute) for longer than its time and this much
    // has lost its peer.
    std::chrono::milliseconds watch_grace{30'000};
  };

  // `handler` and `worker` outlive the reflector. Starts at once.
  Reflector(std::shared_ptr<Api> api, Worker* worker, Options options, ObjectHandler* handler);
  // Once this returns the handler is not called any more. Waits for a running call of it, except on
  // the worker's thread: so never destroy under a lock that the handler takes.
  ~Reflector();

  Reflector(const Reflector&) = delete;
  Reflector& operator=(const Reflector&) = delete;

 private:
  class State;
  Worker* const worker_;
  const std::shared_ptr<State> state_;
};

}  // namespace narthex::kube
