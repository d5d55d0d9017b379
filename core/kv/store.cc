#include "core/kv/store.h"

#include <leveldb/db.h>
#include <leveldb/options.h>
#include <leveldb/write_batch.h>

#include "core/base/file.h"
#include "core/strings/numbers.h"
#include "core/strings/quote.h"

namespace narthex {
namespace {

// Sorts before every key of a user: those do not begin with a zero byte.
constexpr std::string_view kSchemaKey{"\0schema", 7};

leveldb::Slice ToSlice(std::string_view text) { return {text.data(), text.size()}; }
std::string_view ToView(const leveldb::Slice& slice) { return {slice.data(), slice.size()}; }

Status ToStatus(const leveldb::Status& status, std::string_view what) {
  if (status.ok()) return OkStatus();
  const std::string text = status.ToString();
  if (status.IsCorruption()) return DataLoss("{}: {}", what, text);
  return Unavailable("{}: {}", what, text);
}

Status CheckKey(std::string_view key) {
  if (!key.empty() && key.front() != '\0') return OkStatus();
  return InvalidArgument("invalid key {}", GoQuote(key));
}

leveldb::WriteOptions ToOptions(Durability durability) {
  leveldb::WriteOptions options;
  options.sync = durability == Durability::kSync;
  return options;
}

}  // namespace

struct KvBatch::Impl {
  leveldb::WriteBatch batch;
  size_t size = 0;
  Status bad_key;  // reported by Write
};

KvBatch::KvBatch() : impl_(std::make_unique<Impl>()) {}
KvBatch::~KvBatch() = default;
KvBatch::KvBatch(KvBatch&&) noexcept = default;
KvBatch& KvBatch::operator=(KvBatch&&) noexcept = default;

void KvBatch::Put(std::string_view key, std::string_view value) {
  if (impl_->bad_key.ok()) impl_->bad_key = CheckKey(key);
  impl_->batch.Put(ToSlice(key), ToSlice(value));
  ++impl_->size;
}

void KvBatch::Delete(std::string_view key) {
  if (impl_->bad_key.ok()) impl_->bad_key = CheckKey(key);
  impl_->batch.Delete(ToSlice(key));
  ++impl_->size;
}

size_t KvBatch::size() const { return impl_->size; }

struct KvStore::Impl {
  std::string dir;
  std::unique_ptr<leveldb::DB> db;

  StatusOr<std::optional<std::string>> Get(std::string_view key) const {
    std::string value;
    leveldb::ReadOptions options;
    options.verify_checksums = true;
    const leveldb::Status status = db->Get(options, ToSlice(key), &value);
    if (status.IsNotFound()) return std::optional<std::string>();
    NX_RETURN_IF_ERROR(ToStatus(status, dir));
    return std::optional<std::string>(std::move(value));
  }

  Status Write(const KvBatch& batch, Durability durability, std::optional<uint32_t> schema) {
    NX_RETURN_IF_ERROR(batch.impl_->bad_key);
    leveldb::WriteBatch all = batch.impl_->batch;
    if (schema) all.Put(ToSlice(kSchemaKey), std::to_string(*schema));
    return ToStatus(db->Write(ToOptions(durability), &all), dir);
  }

  bool Empty() const {
    std::unique_ptr<leveldb::Iterator> it(db->NewIterator(leveldb::ReadOptions()));
    it->SeekToFirst();
    return !it->Valid();
  }
};

KvStore::KvStore(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
KvStore::~KvStore() = default;

StatusOr<std::unique_ptr<KvStore>> KvStore::Open(const std::string& dir, uint32_t schema_version,
                                                 Upgrade upgrade) {
  NX_RETURN_IF_ERROR(CreateDirectories(dir));
  leveldb::Options options;
  options.create_if_missing = true;
  // Small state: little memory, few descriptors.
  options.write_buffer_size = 1 << 20;
  options.max_open_files = 64;
  leveldb::DB* raw = nullptr;
  NX_RETURN_IF_ERROR(ToStatus(leveldb::DB::Open(options, dir, &raw), dir));
  auto impl = std::make_unique<Impl>();
  impl->dir = dir;
  impl->db.reset(raw);
  std::unique_ptr<KvStore> store(new KvStore(std::move(impl)));

  NX_ASSIGN_OR_RETURN(const auto text, store->impl_->Get(kSchemaKey));
  if (!text) {
    if (!store->impl_->Empty()) {
      return FailedPrecondition("{}: a database without a schema version is not ours", dir);
    }
    NX_RETURN_IF_ERROR(store->impl_->Write(KvBatch(), Durability::kSync, schema_version));
    return store;
  }
  const auto found = ParseUint(*text);
  if (!found) return DataLoss("{}: unreadable schema version {}", dir, GoQuote(*text));
  if (*found == schema_version) return store;
  if (*found > schema_version || !upgrade) {
    return FailedPrecondition("{}: contents have schema version {}, this program uses {}", dir,
                              *found, schema_version);
  }
  KvBatch batch;
  NX_RETURN_IF_ERROR(Annotate(upgrade(*store, static_cast<uint32_t>(*found), &batch),
                              fmt::format("{}: upgrade from schema version {}", dir, *found)));
  NX_RETURN_IF_ERROR(store->impl_->Write(batch, Durability::kSync, schema_version));
  return store;
}

Status KvStore::Put(std::string_view key, std::string_view value, Durability durability) {
  NX_RETURN_IF_ERROR(CheckKey(key));
  return ToStatus(impl_->db->Put(ToOptions(durability), ToSlice(key), ToSlice(value)), impl_->dir);
}

Status KvStore::Delete(std::string_view key, Durability durability) {
  NX_RETURN_IF_ERROR(CheckKey(key));
  return ToStatus(impl_->db->Delete(ToOptions(durability), ToSlice(key)), impl_->dir);
}

Status KvStore::Write(const KvBatch& batch, Durability durability) {
  return impl_->Write(batch, durability, std::nullopt);
}

StatusOr<std::optional<std::string>> KvStore::Get(std::string_view key) const {
  NX_RETURN_IF_ERROR(CheckKey(key));
  return impl_->Get(key);
}

Status KvStore::Scan(std::string_view prefix,
                     const std::function<bool(std::string_view, std::string_view)>& visit) const {
  leveldb::ReadOptions options;
  options.verify_checksums = true;
  options.fill_cache = false;
  std::unique_ptr<leveldb::Iterator> it(impl_->db->NewIterator(options));
  for (it->Seek(ToSlice(prefix)); it->Valid(); it->Next()) {
    const std::string_view key = ToView(it->key());
    if (!key.starts_with(prefix)) break;
    if (key == kSchemaKey) continue;
    if (!visit(key, ToView(it->value()))) break;
  }
  return ToStatus(it->status(), impl_->dir);
}

}  // namespace narthex
