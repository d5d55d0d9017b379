#include "alertmanager/nflog/nflog.h"

#include <algorithm>

#include "core/base/bytes.h"
#include "proto/nflog.pb.h"

namespace narthex::am {
namespace {

constexpr std::string_view kPrefix = "nflog/";

// Upstream's key: {}:{alertname="A"}:team/webhook/0
std::string KeyOf(std::string_view group_key, const ReceiverKey& receiver) {
  return fmt::format("{}:{}/{}/{}", group_key, receiver.receiver, receiver.integration,
                     receiver.index);
}

std::string StoreKey(std::string_view key) { return std::string(kPrefix) + std::string(key); }

void SetTime(google::protobuf::Timestamp* out, int64_t nanos) {
  out->set_seconds(nanos / 1'000'000'000);
  out->set_nanos(static_cast<int32_t>(nanos % 1'000'000'000));
}

int64_t GetTime(const google::protobuf::Timestamp& time) {
  return time.seconds() * 1'000'000'000 + time.nanos();
}

std::string Encode(std::string_view group_key, const ReceiverKey& receiver, const LogEntry& entry,
                   int64_t expires_at) {
  nflogpb::MeshEntry mesh;
  nflogpb::Entry* out = mesh.mutable_entry();
  out->set_group_key(std::string(group_key));
  out->mutable_receiver()->set_group_name(receiver.receiver);
  out->mutable_receiver()->set_integration(receiver.integration);
  out->mutable_receiver()->set_idx(receiver.index);
  SetTime(out->mutable_timestamp(), entry.timestamp);
  for (uint64_t hash : entry.firing) out->add_firing_alerts(hash);
  for (uint64_t hash : entry.resolved) out->add_resolved_alerts(hash);
  SetTime(mesh.mutable_expires_at(), expires_at);
  return mesh.SerializeAsString();
}

}  // namespace

StatusOr<std::unique_ptr<NotificationLog>> NotificationLog::Open(KvStore* store,
                                                                 const Clock& clock) {
  std::unique_ptr<NotificationLog> log(new NotificationLog(store, clock));
  MutexLock lock(log->mutex_);
  Status status = OkStatus();
  NX_RETURN_IF_ERROR(
      store->Scan(kPrefix, [&](std::string_view, std::string_view value) NO_THREAD_SAFETY_ANALYSIS {
        std::string key;
        status = log->Adopt(value, &key);
        return status.ok();
      }));
  if (!status.ok()) return status;
  return log;
}

Status NotificationLog::Adopt(std::string_view bytes, std::string* key) {
  nflogpb::MeshEntry mesh;
  if (!mesh.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return DataLoss("notification log: an entry does not decode");
  }
  const nflogpb::Entry& in = mesh.entry();
  Stored stored;
  stored.expires_at = GetTime(mesh.expires_at());
  stored.entry.timestamp = GetTime(in.timestamp());
  stored.entry.firing.assign(in.firing_alerts().begin(), in.firing_alerts().end());
  stored.entry.resolved.assign(in.resolved_alerts().begin(), in.resolved_alerts().end());
  std::sort(stored.entry.firing.begin(), stored.entry.firing.end());
  std::sort(stored.entry.resolved.begin(), stored.entry.resolved.end());
  *key = KeyOf(in.group_key(),
               {in.receiver().group_name(), in.receiver().integration(), in.receiver().idx()});
  Stored& slot = entries_[*key];
  if (slot.entry.timestamp <= stored.entry.timestamp) slot = std::move(stored);
  return OkStatus();
}

std::optional<LogEntry> NotificationLog::Find(std::string_view group_key,
                                              const ReceiverKey& receiver) const {
  MutexLock lock(mutex_);
  auto found = entries_.find(KeyOf(group_key, receiver));
  if (found == entries_.end()) return std::nullopt;
  return found->second.entry;
}

Status NotificationLog::Record(std::string_view group_key, const ReceiverKey& receiver,
                               LogEntry entry, int64_t expires_at) {
  const std::string key = KeyOf(group_key, receiver);
  const std::string bytes = Encode(group_key, receiver, entry, expires_at);
  {
    MutexLock lock(mutex_);
    entries_[key] = {std::move(entry), expires_at};
  }
  return store_->Put(StoreKey(key), bytes, Durability::kBuffered);
}

Status NotificationLog::CollectGarbage() {
  const int64_t now = clock_.NowNanos();
  KvBatch batch;
  {
    MutexLock lock(mutex_);
    for (auto it = entries_.begin(); it != entries_.end();) {
      if (it->second.expires_at > now) {
        ++it;
        continue;
      }
      batch.Delete(StoreKey(it->first));
      entries_.erase(it++);
    }
  }
  return batch.size() == 0 ? OkStatus() : store_->Write(batch, Durability::kBuffered);
}

size_t NotificationLog::size() const {
  MutexLock lock(mutex_);
  return entries_.size();
}

Status NotificationLog::Import(std::string_view snapshot) {
  MutexLock lock(mutex_);
  ByteReader reader(snapshot);
  while (reader.ok() && !reader.empty()) {
    const std::string_view bytes = reader.UvarintString();
    std::string key;
    NX_RETURN_IF_ERROR(Adopt(bytes, &key));
    NX_RETURN_IF_ERROR(store_->Put(StoreKey(key), bytes, Durability::kBuffered));
  }
  return reader.ok() ? OkStatus() : DataLoss("nflog: the file is cut short");
}

}  // namespace narthex::am
