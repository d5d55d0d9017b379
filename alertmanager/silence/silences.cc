#include "alertmanager/silence/silences.h"

#include <algorithm>
#include <random>

#include "core/base/bytes.h"
#include "core/log/log.h"

namespace narthex::am {
namespace {

constexpr std::string_view kPrefix = "silence/";
constexpr int64_t kSecond = 1'000'000'000;

std::string NewUuid() {
  std::random_device device;
  uint32_t words[4] = {device(), device(), device(), device()};
  words[1] = (words[1] & 0xffff0fff) | 0x00004000;  // version 4
  words[2] = (words[2] & 0x3fffffff) | 0x80000000;  // variant 1
  return fmt::format("{:08x}-{:04x}-{:04x}-{:04x}-{:04x}{:08x}", words[0], words[1] >> 16,
                     words[1] & 0xffff, words[2] >> 16, words[2] & 0xffff, words[3]);
}

std::string KeyOf(std::string_view id) { return std::string(kPrefix) + std::string(id); }

// May the old silence become the new one under its id?
bool CanEditInPlace(const Silence& before, const Silence& after, int64_t now) {
  if (before.matchers != after.matchers) return false;
  switch (before.StateAt(now)) {
    case SilenceState::kActive:
      // Clients send back what they were shown, which has milliseconds.
      return after.starts_at / kSecond == before.starts_at / kSecond && after.ends_at >= now;
    case SilenceState::kPending: return after.starts_at >= now;
    case SilenceState::kExpired: return false;
  }
  return false;
}

}  // namespace

std::string_view SilenceStateText(SilenceState state) {
  switch (state) {
    case SilenceState::kExpired: return "expired";
    case SilenceState::kActive: return "active";
    case SilenceState::kPending: return "pending";
  }
  return "";
}

SilenceState Silence::StateAt(int64_t now) const {
  if (now < starts_at) return SilenceState::kPending;
  return now > ends_at ? SilenceState::kExpired : SilenceState::kActive;
}

StatusOr<std::unique_ptr<Silences>> Silences::Open(KvStore* store, const Clock& clock,
                                                   int64_t retention_ns, SilenceLimits limits) {
  std::unique_ptr<Silences> silences(new Silences(store, clock, retention_ns, limits));
  NX_RETURN_IF_ERROR(silences->Load());
  return silences;
}

Status Silences::Load() {
  MutexLock lock(mutex_);
  Status broken = OkStatus();
  NX_RETURN_IF_ERROR(
      store_->Scan(kPrefix, [&](std::string_view key, std::string_view value) REQUIRES(mutex_) {
        StatusOr<Silence> silence = DecodeSilence(value);
        if (!silence.ok()) {
          broken = Annotate(silence.status(), key);
          return false;
        }
        Adopt(*std::move(silence));
        return true;
      }));
  return broken;
}

void Silences::Adopt(Silence silence) {
  auto found = silences_.find(silence.id);
  if (found != silences_.end()) {
    found->second.silence = std::make_shared<const Silence>(std::move(silence));
    return;
  }
  const uint64_t version = ++version_;
  by_version_.emplace_back(version, silence.id);
  std::string id = silence.id;
  silences_[std::move(id)] = {std::make_shared<const Silence>(std::move(silence)), version};
}

Status Silences::Save(const Silence& silence) {
  const std::string bytes = EncodeSilence(silence, silence.ends_at + retention_ns_);
  if (limits_.max_size_bytes > 0 && static_cast<int64_t>(bytes.size()) > limits_.max_size_bytes) {
    return InvalidArgument("silence exceeded maximum size: {} bytes (limit: {} bytes)",
                           bytes.size(), limits_.max_size_bytes);
  }
  return store_->Put(KeyOf(silence.id), bytes, Durability::kSync);
}

StatusOr<std::string> Silences::Set(Silence silence) {
  const int64_t now = clock_.NowNanos();
  MutexLock lock(mutex_);
  SilencePtr before;
  if (!silence.id.empty()) {
    auto found = silences_.find(silence.id);
    if (found == silences_.end()) return NotFound("silence not found");
    before = found->second.silence;
  }
  NX_RETURN_IF_ERROR(ValidateSilence(silence));
  silence.updated_at = now;
  const bool in_place = before != nullptr && CanEditInPlace(*before, silence, now);
  if (!in_place) {
    if (limits_.max_silences > 0 &&
        static_cast<int64_t>(silences_.size()) + 1 > limits_.max_silences) {
      return InvalidArgument("exceeded maximum number of silences: {} (limit: {})",
                             silences_.size(), limits_.max_silences);
    }
    silence.id = NewUuid();
    silence.starts_at = std::max(silence.starts_at, now);
  }
  NX_RETURN_IF_ERROR(Save(silence));
  if (!in_place && before != nullptr && before->StateAt(now) != SilenceState::kExpired) {
    NX_RETURN_IF_ERROR(ExpireLocked(*before, now));
  }
  std::string id = silence.id;
  Adopt(std::move(silence));
  return id;
}

Status Silences::ExpireLocked(const Silence& silence, int64_t now) {
  Silence ended = silence;
  if (ended.StateAt(now) == SilenceState::kPending) ended.starts_at = now;
  ended.ends_at = now;
  ended.updated_at = now;
  NX_RETURN_IF_ERROR(Save(ended));
  Adopt(std::move(ended));
  return OkStatus();
}

Status Silences::Expire(const std::string& id) {
  const int64_t now = clock_.NowNanos();
  MutexLock lock(mutex_);
  auto found = silences_.find(id);
  if (found == silences_.end()) return NotFound("silence not found");
  const SilencePtr silence = found->second.silence;
  if (silence->StateAt(now) == SilenceState::kExpired) return OkStatus();
  return ExpireLocked(*silence, now);
}

SilencePtr Silences::Get(const std::string& id) const {
  MutexLock lock(mutex_);
  auto found = silences_.find(id);
  return found == silences_.end() ? nullptr : found->second.silence;
}

std::vector<SilencePtr> Silences::All() const {
  MutexLock lock(mutex_);
  std::vector<SilencePtr> all;
  all.reserve(silences_.size());
  for (const auto& [id, stored] : silences_) all.push_back(stored.silence);
  return all;
}

std::vector<std::string> Silences::SilencedBy(const Labels& labels) {
  const int64_t now = clock_.NowNanos();
  MutexLock lock(mutex_);
  Lookup& lookup = lookups_[labels.Fingerprint()];
  auto first_new = std::upper_bound(by_version_.begin(), by_version_.end(), lookup.version,
                                    [](uint64_t v, const auto& entry) { return v < entry.first; });
  for (; first_new != by_version_.end(); ++first_new) {
    auto found = silences_.find(first_new->second);
    if (found != silences_.end() && MatchesAll(found->second.silence->matchers, labels)) {
      lookup.ids.push_back(first_new->second);
    }
  }
  lookup.version = version_;
  std::vector<std::string> active;
  for (const std::string& id : lookup.ids) {
    auto found = silences_.find(id);
    if (found != silences_.end() && found->second.silence->StateAt(now) == SilenceState::kActive) {
      active.push_back(id);
    }
  }
  std::sort(active.begin(), active.end());
  return active;
}

Status Silences::CollectGarbage() {
  const int64_t now = clock_.NowNanos();
  MutexLock lock(mutex_);
  KvBatch batch;
  std::vector<std::string> gone;
  for (const auto& [id, stored] : silences_) {
    if (stored.silence->ends_at + retention_ns_ > now) continue;
    batch.Delete(KeyOf(id));
    gone.push_back(id);
  }
  lookups_.clear();
  if (gone.empty()) return OkStatus();
  NX_RETURN_IF_ERROR(store_->Write(batch, Durability::kBuffered));
  for (const std::string& id : gone) silences_.erase(id);
  std::erase_if(by_version_, [&](const auto& entry) NO_THREAD_SAFETY_ANALYSIS {
    return !silences_.contains(entry.second);
  });
  return OkStatus();
}

int64_t Silences::CountByState(SilenceState state) const {
  const int64_t now = clock_.NowNanos();
  MutexLock lock(mutex_);
  return std::count_if(silences_.begin(), silences_.end(), [&](const auto& entry) {
    return entry.second.silence->StateAt(now) == state;
  });
}

Status Silences::Import(std::string_view snapshot) {
  MutexLock lock(mutex_);
  ByteReader reader(snapshot);
  while (reader.ok() && !reader.empty()) {
    NX_ASSIGN_OR_RETURN(Silence silence, DecodeSilence(reader.UvarintString()));
    if (silences_.contains(silence.id)) continue;
    NX_RETURN_IF_ERROR(Save(silence));
    Adopt(std::move(silence));
  }
  return reader.ok() ? OkStatus() : DataLoss("silences: the file is cut short");
}

}  // namespace narthex::am
