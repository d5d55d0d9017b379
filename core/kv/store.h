#pragma once
// A small durable key-value store in one directory (LevelDB inside): silences, notification log,
// pushed groups, side state. Never samples or indexes. Keys are ordered bytewise.
//
// The store carries the schema version of its contents: Open upgrades older contents through the
// caller's function, in one atomic step, and refuses newer ones.
//
// Durability: kSync returns when the write survives a power cut, kBuffered when it survives the
// death of the process.
//
// Thread safety: all methods. One process at a time: a second Open of the directory fails.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/status.h"

namespace narthex {

enum class Durability { kBuffered, kSync };

// Writes that happen together or not at all. Not thread-safe.
class KvBatch {
 public:
  KvBatch();
  ~KvBatch();
  KvBatch(KvBatch&&) noexcept;
  KvBatch& operator=(KvBatch&&) noexcept;
  void Put(std::string_view key, std::string_view value);
  void Delete(std::string_view key);
  size_t size() const;  // operations

 private:
  friend class KvStore;
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

class KvStore {
 public:
  // Called with contents of an older schema: adds what changes to the batch.
  using Upgrade = std::function<Status(const KvStore& store, uint32_t from, KvBatch* batch)>;

  // Creates the directory when missing. FailedPrecondition: contents of another schema that cannot
  // be upgraded, or no store of ours. Unavailable: held by another process. DataLoss: damaged.
  static StatusOr<std::unique_ptr<KvStore>> Open(const std::string& dir, uint32_t schema_version,
                                                 Upgrade upgrade = nullptr);
  ~KvStore();

  // Keys are not empty and do not begin with a zero byte.
  Status Put(std::string_view key, std::string_view value, Durability durability);
  Status Delete(std::string_view key, Durability durability);  // of nothing is no error
  Status Write(const KvBatch& batch, Durability durability);
  // nullopt when absent.
  StatusOr<std::optional<std::string>> Get(std::string_view key) const;
  // Calls `visit` in the order of keys on a consistent snapshot until it returns false. Views are
  // valid during the call; writing to the store from inside is allowed and not seen by the scan.
  Status Scan(std::string_view prefix,
              const std::function<bool(std::string_view key, std::string_view value)>& visit) const;

 private:
  struct Impl;
  explicit KvStore(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// The entries of one prefix as values of one type. Encode and decode are free of side effects.
template <typename T>
class KvTable {
 public:
  using Encode = std::function<std::string(const T&)>;
  using Decode = std::function<StatusOr<T>(std::string_view)>;

  // The store is not owned.
  KvTable(KvStore* store, std::string prefix, Encode encode, Decode decode)
      : store_(store),
        prefix_(std::move(prefix)),
        encode_(std::move(encode)),
        decode_(std::move(decode)) {}

  Status Put(std::string_view key, const T& value, Durability durability) {
    return store_->Put(Full(key), encode_(value), durability);
  }
  Status Delete(std::string_view key, Durability durability) {
    return store_->Delete(Full(key), durability);
  }
  void AddTo(KvBatch* batch, std::string_view key, const T& value) const {
    batch->Put(Full(key), encode_(value));
  }
  StatusOr<std::optional<T>> Get(std::string_view key) const {
    NX_ASSIGN_OR_RETURN(auto text, store_->Get(Full(key)));
    if (!text) return std::optional<T>();
    NX_ASSIGN_OR_RETURN(T value, decode_(*text));
    return std::optional<T>(std::move(value));
  }
  // Entries that do not decode are given to `broken` and the walk goes on.
  Status ForEach(const std::function<bool(std::string_view key, T value)>& visit,
                 const std::function<void(std::string_view key, const Status&)>& broken) const {
    return store_->Scan(prefix_, [&](std::string_view key, std::string_view text) {
      key.remove_prefix(prefix_.size());
      StatusOr<T> value = decode_(text);
      if (!value.ok()) return broken(key, value.status()), true;
      return visit(key, *std::move(value));
    });
  }

 private:
  std::string Full(std::string_view key) const { return prefix_ + std::string(key); }

  KvStore* store_;
  std::string prefix_;
  Encode encode_;
  Decode decode_;
};

}  // namespace narthex
