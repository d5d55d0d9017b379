#pragma once
// head/chunks_head/: the full chunks of the head, in the format of Prometheus' head chunk files
// (docs/formats/head.md). Files are appended to with pwrite and read through a mapping that is as
// large as a file may become; a new file is begun after every start.
//
// Thread safety: every method. A view from Read is valid while the reader pins the epoch it read
// the reference in.

#include <atomic>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/file.h"
#include "core/base/mutex.h"
#include "core/base/status.h"
#include "server/storage/tsdb/chunkenc/encoding.h"
#include "server/storage/tsdb/head/epoch.h"
#include "server/storage/tsdb/series/series_table.h"

namespace narthex::tsdb {

// A chunk record as it stands in a file.
struct HeadChunk {
  uint64_t ref = 0;
  int64_t mint = 0;
  int64_t maxt = 0;
  Encoding encoding = Encoding::kNone;
  std::string_view data;
};

// What a record begins with: reference, first and last time, encoding.
inline constexpr size_t kChunkHeader = 8 + 8 + 8 + 1;
// All but the data of a record whose header is there.
HeadChunk DecodeBounds(std::string_view bytes);

// Chunks on their way to a file, where they will stand one behind the other.
class ChunkBatch {
 public:
  void Add(uint64_t ref, const ChunkView& chunk);
  void Clear();
  bool empty() const { return chunks_.empty(); }

 private:
  friend class ChunkFiles;
  struct Chunk {
    size_t offset;
    int64_t mint, maxt;
  };
  std::string bytes_;
  std::vector<Chunk> chunks_;
};

class ChunkFiles {
 public:
  using WrittenFn = std::function<void(const ChunkRef&)>;

  ChunkFiles(std::string dir, Epochs* epochs);
  ~ChunkFiles();

  // How far a file has been written, and what is in it.
  struct Extent {
    uint32_t number = 0;
    uint64_t bytes = 0;
    int64_t mint = 0;
    int64_t maxt = 0;
    friend bool operator==(const Extent&, const Extent&) = default;
  };
  using FoundFn = std::function<void(const HeadChunk&, const ChunkRef&)>;

  // Maps the files that are there and reports every sound chunk, in the order of the files.
  // Damaged ones are counted, logged and left out. Chunks within `known` extents are not looked at.
  Status Open(std::span<const Extent> known, const FoundFn& found);
  // The files as they are now, ascending by number.
  std::vector<Extent> Extents() const;
  // Whether a chunk is in an extent that Open was told of and found.
  bool IsKnown(const ChunkRef& ref) const;
  // Looks at the chunks that Open did not; the damaged ones are returned, counted and logged. Reads
  // all of the files: some time may pass. Stops early when `stop` says so.
  std::vector<ChunkRef> Verify(const std::function<bool()>& stop);
  StatusOr<ChunkRef> Write(uint64_t ref, const ChunkView& chunk);
  // All of them or none, in one file. `written` is called for each, in order.
  Status Write(const ChunkBatch& batch, const WrittenFn& written);
  // Verifies the checksum.
  StatusOr<HeadChunk> Read(const ChunkRef& ref) const;
  // Bounds only, without the checksum: cheap.
  StatusOr<HeadChunk> Peek(const ChunkRef& ref) const;
  // The same without the mapping, whose pages would count as memory of the process: for passes over
  // all chunks, and for few that lie far apart. The data of Fetch is in *storage; Bounds gives none.
  StatusOr<HeadChunk> Fetch(const ChunkRef& ref, std::string* storage) const;
  StatusOr<HeadChunk> Bounds(const ChunkRef& ref) const;
  // Up to `size` bytes from where a chunk begins; how many there are, 0 on errors.
  size_t ReadSome(const ChunkRef& ref, char* out, size_t size) const;
  // Takes the pages that readers have touched out of the process; they stay in the page cache.
  void DropMappedPages();

  // Ends the current file when its samples span more than `span_ms`.
  void CutIfOlder(int64_t span_ms);
  // Deletes the files all of whose samples are before mint. Their chunks must be unreferenced.
  void RemoveBefore(int64_t mint);
  Status Sync();
  Status Close();

  // Whether the last write failed; the head takes no samples meanwhile, whose chunks could not be
  // written when they are full.
  bool failing() const { return failing_.load(std::memory_order_relaxed); }
  // Tries whether writing works again; to be called from time to time while failing().
  void Probe();

  uint64_t bytes() const { return bytes_.load(std::memory_order_relaxed); }
  uint64_t damaged() const { return damaged_.load(std::memory_order_relaxed); }
  uint64_t written() const { return written_.load(std::memory_order_relaxed); }

 private:
  struct File;
  static constexpr uint32_t kMaxFiles = 1 << 16;

  File* Get(uint32_t number) const {
    return number < kMaxFiles ? files_[number].load(std::memory_order_acquire) : nullptr;
  }
  std::string PathOf(uint32_t number) const;
  Status OpenExisting(uint32_t number);
  void Scan(File* file, const FoundFn& found);
  Status ReadAt(const File& file, size_t offset, std::string* out) const;
  Status BeginFile() REQUIRES(mutex_);
  Status WriteLocked(const ChunkBatch& batch) REQUIRES(mutex_);
  Status WriteAt(size_t offset, std::string_view data) REQUIRES(mutex_);
  void NoteOutcome(const Status& status);

  const std::string dir_;
  Epochs* const epochs_;
  std::unique_ptr<std::atomic<File*>[]> files_;
  std::atomic<bool> failing_{false};
  std::atomic<uint64_t> bytes_{0};
  std::atomic<uint64_t> damaged_{0};
  std::atomic<uint64_t> written_{0};
  mutable Mutex mutex_;
  File* current_ GUARDED_BY(mutex_) = nullptr;
  uint32_t last_number_ GUARDED_BY(mutex_) = 0;
  ChunkBatch single_ GUARDED_BY(mutex_);
};

}  // namespace narthex::tsdb
