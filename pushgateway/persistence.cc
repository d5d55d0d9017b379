#include "pushgateway/persistence.h"

#include <sys/stat.h>

#include "core/base/bytes.h"
#include "core/base/mutex.h"
#include "core/base/thread.h"
#include "core/kv/store.h"
#include "core/log/log.h"

namespace narthex::pushgateway {
namespace {

constexpr uint32_t kSchema = 1;
constexpr uint8_t kVersion = 1;
constexpr std::string_view kSyncMarker = "s";  // written to force what came before it to disk

std::string TimesKey(const Grouping& labels) { return "g" + GroupKey(labels); }

std::string FamilyPrefix(std::string_view group_key) {
  std::string prefix = "f";
  ByteWriter(&prefix).UvarintString(group_key);
  return prefix;
}

std::string EncodeTimes(const Group& group) {
  std::string out;
  ByteWriter writer(&out);
  writer.U8(kVersion);
  for (const Group::PushTime* time : {&group.success, &group.failure}) {
    writer.Be64(static_cast<uint64_t>(time->value_ns));
    writer.Be64(static_cast<uint64_t>(time->noted_ns));
  }
  return out;
}

Status DecodeTimes(std::string_view text, Group* group) {
  ByteReader reader(text);
  if (reader.U8() != kVersion) return DataLoss("unknown version of a group");
  for (Group::PushTime* time : {&group->success, &group->failure}) {
    time->value_ns = static_cast<int64_t>(reader.Be64());
    time->noted_ns = static_cast<int64_t>(reader.Be64());
  }
  return reader.ok() ? OkStatus() : DataLoss("damaged group");
}

std::string EncodeFamily(const StoredFamily& stored) {
  std::string out;
  ByteWriter writer(&out);
  writer.U8(kVersion);
  writer.Be64(static_cast<uint64_t>(stored.pushed_ns()));
  writer.Bytes(stored.packed());
  return out;
}

StatusOr<StoredFamily> DecodeFamily(std::string_view text) {
  ByteReader reader(text);
  if (reader.U8() != kVersion) return DataLoss("unknown version of a metric family");
  const auto pushed_ns = static_cast<int64_t>(reader.Be64());
  if (!reader.ok()) return DataLoss("damaged metric family");
  return StoredFamily::FromPacked(pushed_ns, reader.rest());
}

}  // namespace

struct Persistence::Impl {
  void SyncLoop() {
    MutexLock lock(mutex);
    while (!stopping) {
      wake.WaitFor(lock, interval, [this]() REQUIRES(mutex) { return stopping; });
      if (!dirty || stopping) continue;
      lock.Unlock();
      if (Status status = Sync(); !status.ok()) {
        NX_LOG(Error, "error persisting metrics", {"err", status});
      }
      lock.Lock();
    }
  }

  Status Sync() {
    {
      MutexLock lock(mutex);
      if (!dirty) return OkStatus();
      dirty = false;
    }
    Status status = store->Put(kSyncMarker, "", Durability::kSync);
    MutexLock lock(mutex);
    if (!status.ok()) dirty = true;
    return status;
  }

  Status Write(const KvBatch& batch) {
    NX_RETURN_IF_ERROR(store->Write(batch, Durability::kBuffered));
    MutexLock lock(mutex);
    dirty = true;
    return OkStatus();
  }

  std::chrono::milliseconds interval{0};
  std::unique_ptr<KvStore> store;
  Mutex mutex;
  CondVar wake;
  bool dirty GUARDED_BY(mutex) = false;
  bool stopping GUARDED_BY(mutex) = false;
  NamedThread thread;
};

Persistence::Persistence(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

StatusOr<std::unique_ptr<Persistence>> Persistence::Open(const std::string& path,
                                                         std::chrono::milliseconds sync_interval) {
  struct stat info{};
  if (stat(path.c_str(), &info) == 0 && !S_ISDIR(info.st_mode)) {
    return FailedPrecondition(
        "--persistence.file={}: this is a file, and groups are kept in a directory here. If an "
        "upstream pushgateway wrote it, it cannot be read (Go gob) and is left alone: name another "
        "path, or move the file away",
        path);
  }
  auto impl = std::make_unique<Impl>();
  impl->interval = std::max(sync_interval, std::chrono::milliseconds(1));
  auto store = KvStore::Open(path, kSchema);
  if (!store.ok()) return Annotate(store.status(), fmt::format("--persistence.file={}", path));
  impl->store = *std::move(store);
  impl->thread = NamedThread("persist", [i = impl.get()] { i->SyncLoop(); });
  return std::unique_ptr<Persistence>(new Persistence(std::move(impl)));
}

Persistence::~Persistence() {
  {
    MutexLock lock(impl_->mutex);
    impl_->stopping = true;
    impl_->wake.NotifyAll();
  }
  impl_->thread.Join();
  if (Status status = impl_->Sync(); !status.ok()) {
    NX_LOG(Error, "error persisting metrics", {"err", status});
  }
}

Status Persistence::Load(const std::function<void(std::shared_ptr<const Group>)>& visit) const {
  const auto broken = [](const Status& status) {
    NX_LOG(Error, "could not read a stored group, it is skipped", {"err", status});
    return true;
  };
  return impl_->store->Scan("g", [&](std::string_view key, std::string_view text) {
    key.remove_prefix(1);
    auto group = std::make_shared<Group>();
    auto labels = ParseGroupKey(key);
    if (!labels.ok()) return broken(labels.status());
    group->labels = *std::move(labels);
    if (Status status = DecodeTimes(text, group.get()); !status.ok()) return broken(status);
    const std::string prefix = FamilyPrefix(key);
    Status status = impl_->store->Scan(prefix, [&](std::string_view name, std::string_view value) {
      auto family = DecodeFamily(value);
      if (!family.ok()) return broken(family.status());
      group->families.emplace(name.substr(prefix.size()), *std::move(family));
      return true;
    });
    if (!status.ok()) return broken(status);
    visit(std::move(group));
    return true;
  });
}

Status Persistence::Save(const Group& group, const std::vector<std::string>& changed,
                         const std::vector<std::string>& removed) {
  KvBatch batch;
  batch.Put(TimesKey(group.labels), EncodeTimes(group));
  const std::string prefix = FamilyPrefix(GroupKey(group.labels));
  for (const std::string& name : removed) batch.Delete(prefix + name);
  for (const std::string& name : changed) {
    const auto it = group.families.find(name);
    if (it != group.families.end()) batch.Put(prefix + name, EncodeFamily(it->second));
  }
  return impl_->Write(batch);
}

Status Persistence::Delete(const Group& group) {
  KvBatch batch;
  batch.Delete(TimesKey(group.labels));
  const std::string prefix = FamilyPrefix(GroupKey(group.labels));
  for (const auto& [name, stored] : group.families) batch.Delete(prefix + name);
  return impl_->Write(batch);
}

Status Persistence::Sync() { return impl_->Sync(); }

}  // namespace narthex::pushgateway
