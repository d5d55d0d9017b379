#pragma once
// The records of one resource (in one namespace, where namespaces are listed one by one), by key:
// "namespace/name".
//
// Thread safety: all methods. Rendering and writing happen outside: the lock is held to change or
// copy pointers only.

#include <absl/container/flat_hash_set.h>

#include <cstdint>
#include <string_view>
#include <vector>

#include "core/base/mutex.h"
#include "kube_state_metrics/families/record.h"

namespace narthex::ksm {

class Store {
 public:
  void Put(RecordRef record) EXCLUDES(mutex_);
  void Remove(std::string_view key) EXCLUDES(mutex_);

  // Appends all records; they stay valid as long as the references.
  void Snapshot(std::vector<RecordRef>* out) const EXCLUDES(mutex_);
  size_t size() const EXCLUDES(mutex_);

 private:
  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view key) const { return std::hash<std::string_view>{}(key); }
    size_t operator()(const RecordRef& record) const { return (*this)(record->key()); }
  };
  struct Equal {
    using is_transparent = void;
    static std::string_view KeyOf(std::string_view key) { return key; }
    static std::string_view KeyOf(const RecordRef& record) { return record->key(); }
    template <typename A, typename B>
    bool operator()(const A& a, const B& b) const {
      return KeyOf(a) == KeyOf(b);
    }
  };

  mutable Mutex mutex_;
  absl::flat_hash_set<RecordRef, Hash, Equal> records_ GUARDED_BY(mutex_);
};

}  // namespace narthex::ksm
