#include "server/cmd/prometheus/active_queries.h"

#include <fcntl.h>
#include <sys/mman.h>

#include <cstring>

#include "core/base/clock.h"
#include "core/base/file.h"
#include "core/json/reader.h"
#include "core/json/writer.h"
#include "core/log/log.h"
#include "core/strings/quote.h"

namespace narthex::prometheus {
namespace {

constexpr size_t kSlotBytes = 1000;

std::string Entry(std::string_view query) {
  std::string out;
  JsonWriter json(&out);
  json.BeginObject().Member("query", query);
  json.Key("timestamp_sec").Int(Clock::System().NowMs() / 1000).EndObject();
  return out + ",";
}

}  // namespace

std::vector<std::string> UnfinishedQueries(std::string_view content) {
  std::vector<std::string> queries;
  for (size_t at = 1; at < content.size(); at += kSlotBytes) {
    std::string_view slot = content.substr(at, kSlotBytes);
    slot = slot.substr(0, slot.find('\0'));
    if (slot.ends_with(',')) slot.remove_suffix(1);
    if (slot.empty()) continue;
    const StatusOr<JsonValue> entry = ParseJson(slot);
    if (entry.ok()) queries.push_back((*entry)["query"].AsString());
  }
  return queries;
}

StatusOr<std::unique_ptr<ActiveQueries>> ActiveQueries::Open(const std::string& directory,
                                                             int slots) {
  const std::string path = JoinPath(directory, "queries.active");
  if (const StatusOr<std::string> old = ReadFile(path, 64 << 20); old.ok()) {
    const std::vector<std::string> unfinished = UnfinishedQueries(*old);
    if (!unfinished.empty()) {
      NX_LOG(Info, "These queries didn't finish in prometheus' last run:",
             {"component", "activeQueryTracker"}, {"queries", JoinStrings(unfinished, "; ")});
    }
  }
  const size_t size = 1 + static_cast<size_t>(slots) * kSlotBytes;
  NX_ASSIGN_OR_RETURN(const UniqueFd fd, OpenFile(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC));
  // Really allocated: a full disk must show here and not as SIGBUS later.
  if (const int error = posix_fallocate(fd.get(), 0, static_cast<off_t>(size)); error != 0) {
    return ErrnoStatus(error, path);
  }
  void* data = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0);
  if (data == MAP_FAILED) return ErrnoStatus(errno, path);
  return std::unique_ptr<ActiveQueries>(new ActiveQueries(static_cast<char*>(data), size));
}

ActiveQueries::ActiveQueries(char* data, size_t size) : data_(data), size_(size) {
  data_[0] = '[';
  for (size_t at = size_; at > 1; at -= kSlotBytes) {
    free_.push_back(static_cast<int>(at - kSlotBytes));
  }
}

ActiveQueries::~ActiveQueries() { munmap(data_, size_); }

int ActiveQueries::QueryStarted(std::string_view query) {
  std::string entry = Entry(query);
  // Escapes may need six bytes for one: cut until it fits.
  for (size_t keep = kSlotBytes; entry.size() > kSlotBytes; keep = keep * 3 / 4) {
    entry = Entry(ToValidUtf8(query.substr(0, keep)));
  }
  MutexLock lock(mutex_);
  if (free_.empty()) return -1;
  const int at = free_.back();
  free_.pop_back();
  std::memcpy(data_ + at, entry.data(), entry.size());
  return at;
}

void ActiveQueries::QueryEnded(int handle) {
  if (handle < 0) return;
  MutexLock lock(mutex_);
  std::memset(data_ + handle, 0, kSlotBytes);
  free_.push_back(handle);
}

}  // namespace narthex::prometheus
