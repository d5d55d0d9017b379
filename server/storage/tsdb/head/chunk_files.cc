#include "server/storage/tsdb/head/chunk_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>

#include "core/base/bytes.h"
#include "core/base/crc32c.h"
#include "core/base/mapped_file.h"
#include "core/log/log.h"

namespace narthex::tsdb {
namespace {

constexpr uint32_t kMagic = 0x0130BC91;
constexpr uint8_t kVersion = 1;
constexpr size_t kFileHeader = 8;
constexpr size_t kMaxFile = 128 << 20;
constexpr size_t kMaxChunk = 32 << 20;  // ten histograms of 400,000 buckets
// What was read is let go again, so that the resident set does not grow by the files.
constexpr size_t kForgetEvery = 512 << 10;

uint32_t SecondHint(int64_t t) {
  if (t < 1000 || t / 1000 >= UINT32_MAX) return t < 1000 ? 0 : UINT32_MAX;
  return static_cast<uint32_t>(t / 1000);
}

// Parses one chunk record; *length is its size in the file.
bool ParseRecord(std::string_view bytes, HeadChunk* chunk, size_t* length) {
  if (bytes.size() < kChunkHeader) return false;
  *chunk = DecodeBounds(bytes);
  ByteReader in(bytes.substr(kChunkHeader));
  const uint64_t size = in.Uvarint();
  if (size > kMaxChunk) return false;
  chunk->data = in.Bytes(size);
  in.Be32();
  *length = bytes.size() - in.remaining();
  return in.ok();
}

bool ChecksumOk(std::string_view record) {
  const std::string_view body = record.substr(0, record.size() - 4);
  return ByteReader(record.substr(body.size())).Be32() == Crc32c(body);
}

}  // namespace

void ChunkBatch::Add(uint64_t ref, const ChunkView& chunk) {
  const size_t offset = bytes_.size();
  ByteWriter out(&bytes_);
  out.Be64(ref);
  out.Be64(static_cast<uint64_t>(chunk.mint));
  out.Be64(static_cast<uint64_t>(chunk.maxt));
  out.U8(static_cast<uint8_t>(chunk.encoding));
  out.UvarintString(chunk.data);
  out.Be32(Crc32c(std::string_view(bytes_).substr(offset)));
  chunks_.push_back({offset, chunk.mint, chunk.maxt});
}

void ChunkBatch::Clear() {
  bytes_.clear();
  chunks_.clear();
}

struct ChunkFiles::File {
  uint32_t number = 0;
  UniqueFd fd;
  MappedFile mapping;  // as large as the file may become
  std::atomic<size_t> size{0};
  int64_t mint = INT64_MAX;  // of its chunks; guarded by mutex_
  int64_t maxt = INT64_MIN;
  bool dirty = false;
  bool removed = false;  // only readers that came before still see it
  size_t known = 0;      // chunks before it were not looked at when the file was opened

  std::string_view from(size_t offset) const {
    const size_t end = size.load(std::memory_order_acquire);
    return offset < end ? mapping.data().substr(offset, end - offset) : std::string_view();
  }
  // For who reads what begins there.
  std::string_view Touch(size_t offset) const {
    const std::string_view bytes = from(offset);
    if (!bytes.empty()) mapping.Touch(offset);
    return bytes;
  }
  void DropPages() const { mapping.DropPages(0, mapping.data().size()); }
  // Lets go of what was read from front to back, as far as a multiple of kForgetEvery.
  void Forget(size_t* forgotten, size_t offset) const {
    if (offset < *forgotten + kForgetEvery) return;
    const size_t end = offset / kForgetEvery * kForgetEvery;
    mapping.DropPages(*forgotten, end);
    *forgotten = end;
  }
  Status Map(size_t bytes, const std::string& path) {
    NX_ASSIGN_OR_RETURN(mapping, MappedFile::Map(fd.get(), bytes, path));
    mapping.LimitPages();
    return OkStatus();
  }
};

ChunkFiles::ChunkFiles(std::string dir, Epochs* epochs)
    : dir_(std::move(dir)), epochs_(epochs), files_(new std::atomic<File*>[kMaxFiles]()) {}

ChunkFiles::~ChunkFiles() {
  for (uint32_t i = 0; i < kMaxFiles; ++i) delete files_[i].load();
}

std::string ChunkFiles::PathOf(uint32_t number) const {
  return fmt::format("{}/{:06}", dir_, number);
}

Status ChunkFiles::Open(std::span<const Extent> known, const FoundFn& found) {
  NX_RETURN_IF_ERROR(CreateDirectories(dir_));
  NX_ASSIGN_OR_RETURN(const std::vector<std::string> names, ListDirectory(dir_));
  std::vector<uint32_t> numbers;
  for (const std::string& name : names) {
    uint32_t number = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
    if (error != std::errc() || end != name.data() + name.size()) continue;
    if (number == 0 || number >= kMaxFiles) continue;
    numbers.push_back(number);
  }
  std::sort(numbers.begin(), numbers.end());
  for (const uint32_t number : numbers) {
    {
      MutexLock lock(mutex_);
      last_number_ = number;
    }
    NX_RETURN_IF_ERROR(OpenExisting(number));
    File* file = Get(number);
    if (file == nullptr) continue;
    const auto extent = std::find_if(known.begin(), known.end(),
                                     [number](const Extent& e) { return e.number == number; });
    if (extent != known.end() && extent->bytes <= file->size) {
      file->known = extent->bytes;
      file->mint = extent->mint;
      file->maxt = extent->maxt;
    }
    Scan(file, found);
  }
  return OkStatus();
}

Status ChunkFiles::OpenExisting(uint32_t number) {
  const std::string path = PathOf(number);
  auto file = std::make_unique<File>();
  file->number = number;
  NX_ASSIGN_OR_RETURN(file->fd, OpenFile(path, O_RDONLY | O_CLOEXEC));
  struct stat st;
  if (::fstat(file->fd.get(), &st) != 0) return ErrnoStatus(errno, path);
  const auto size = static_cast<size_t>(st.st_size);
  if (size < kFileHeader) {
    // Nothing was written before the process ended.
    ::unlink(path.c_str());
    return OkStatus();
  }
  NX_RETURN_IF_ERROR(file->Map(size, path));
  file->size = size;
  file->dirty = true;  // the process that wrote it may have died before a sync
  ByteReader header(file->from(0));
  if (header.Be32() != kMagic || header.U8() != kVersion) {
    damaged_.fetch_add(1);
    NX_LOG(Warn, "Head chunk file has no valid header and is ignored", {"file", path});
    return OkStatus();
  }
  bytes_.fetch_add(size);
  files_[number].store(file.release(), std::memory_order_release);
  return OkStatus();
}

void ChunkFiles::Scan(File* file, const FoundFn& found) {
  size_t offset = std::max(kFileHeader, file->known);
  size_t forgotten = offset / kForgetEvery * kForgetEvery;
  uint64_t bad = 0;
  while (offset < file->size) {
    const std::string_view rest = file->from(offset);
    HeadChunk chunk;
    size_t length = 0;
    const bool parsed = offset < kMaxFile && ParseRecord(rest, &chunk, &length);
    if (parsed && chunk.ref == 0 && chunk.data.empty()) break;  // preallocated space
    if (!parsed) {
      ++bad;
      break;
    }
    if (!ChecksumOk(rest.substr(0, length)) || chunk.mint > chunk.maxt) {
      ++bad;
    } else {
      file->mint = std::min(file->mint, chunk.mint);
      file->maxt = std::max(file->maxt, chunk.maxt);
      found(chunk, {SecondHint(chunk.mint), file->number, static_cast<uint32_t>(offset)});
    }
    offset += length;
    file->Forget(&forgotten, offset);
  }
  file->DropPages();
  if (bad == 0) return;
  damaged_.fetch_add(bad);
  NX_LOG(Warn,
         "Head chunk file has damaged chunks; they are rebuilt from the log where it has them",
         {"file", PathOf(file->number)}, {"chunks", bad});
}

std::vector<ChunkFiles::Extent> ChunkFiles::Extents() const {
  MutexLock lock(mutex_);
  std::vector<Extent> out;
  for (uint32_t number = 1; number <= last_number_; ++number) {
    const File* file = Get(number);
    if (file == nullptr || file->removed) continue;
    out.push_back({number, file->size.load(), file->mint, file->maxt});
  }
  return out;
}

bool ChunkFiles::IsKnown(const ChunkRef& ref) const {
  const File* file = Get(ref.file);
  return file != nullptr && ref.offset >= kFileHeader && ref.offset < kMaxFile &&
         size_t{ref.offset} + kChunkHeader < file->known;
}

std::vector<ChunkRef> ChunkFiles::Verify(const std::function<bool()>& stop) {
  std::vector<ChunkRef> damaged;
  for (uint32_t number = 1; number < kMaxFiles && !stop(); ++number) {
    const Epochs::Pin pin(epochs_);
    const File* file = Get(number);
    if (file == nullptr) continue;
    size_t forgotten = 0;
    for (size_t offset = kFileHeader; offset < file->known && !stop();) {
      HeadChunk chunk;
      size_t length = 0;
      const std::string_view rest = file->from(offset);
      const bool parsed = ParseRecord(rest, &chunk, &length);
      if (!parsed || !ChecksumOk(rest.substr(0, length))) {
        damaged.push_back({0, number, static_cast<uint32_t>(offset)});
      }
      // Behind a length that is wrong nothing is found; reading a chunk checks it again.
      if (!parsed || (chunk.ref == 0 && chunk.data.empty())) break;
      offset += length;
      file->Forget(&forgotten, offset);
    }
    file->DropPages();
  }
  damaged_.fetch_add(damaged.size());
  if (!damaged.empty()) {
    NX_LOG(Warn, "Head chunk files have damaged chunks, which are left out",
           {"chunks", damaged.size()});
  }
  return damaged;
}

Status ChunkFiles::BeginFile() {
  current_ = nullptr;
  if (last_number_ + 1 >= kMaxFiles) return ResourceExhausted("{}: too many files", dir_);
  auto file = std::make_unique<File>();
  file->number = ++last_number_;
  const std::string path = PathOf(file->number);
  NX_ASSIGN_OR_RETURN(file->fd, OpenFile(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC));
  std::string header;
  ByteWriter out(&header);
  out.Be32(kMagic);
  out.U8(kVersion);
  header.resize(kFileHeader);
  Status status = WriteAll(file->fd.get(), header, path);
  if (status.ok()) status = file->Map(kMaxFile, path);
  if (!status.ok()) {
    ::unlink(path.c_str());
    --last_number_;
    return status;
  }
  file->size = kFileHeader;
  bytes_.fetch_add(kFileHeader);
  current_ = file.release();
  files_[current_->number].store(current_, std::memory_order_release);
  return OkStatus();
}

StatusOr<ChunkRef> ChunkFiles::Write(uint64_t ref, const ChunkView& chunk) {
  if (chunk.data.size() > kMaxChunk) {
    return ResourceExhausted("a chunk of {} bytes is too large", chunk.data.size());
  }
  MutexLock lock(mutex_);
  single_.Clear();
  single_.Add(ref, chunk);
  const Status status = WriteLocked(single_);
  NoteOutcome(status);
  NX_RETURN_IF_ERROR(status);
  const size_t offset = current_->size - single_.bytes_.size();
  return ChunkRef{SecondHint(chunk.mint), current_->number, static_cast<uint32_t>(offset)};
}

Status ChunkFiles::Write(const ChunkBatch& batch, const WrittenFn& written) {
  uint32_t number = 0;
  size_t begin = 0;
  {
    MutexLock lock(mutex_);
    const Status status = WriteLocked(batch);
    NoteOutcome(status);
    NX_RETURN_IF_ERROR(status);
    number = current_->number;
    begin = current_->size - batch.bytes_.size();
  }
  for (const ChunkBatch::Chunk& chunk : batch.chunks_) {
    written({SecondHint(chunk.mint), number, static_cast<uint32_t>(begin + chunk.offset)});
  }
  return OkStatus();
}

void ChunkFiles::NoteOutcome(const Status& status) {
  if (status.ok()) {
    if (failing() && failing_.exchange(false)) NX_LOG(Info, "Writing head chunks works again");
  } else if (!failing_.exchange(true)) {
    NX_LOG(Error, "Writing a head chunk failed; new samples are refused until it works again",
           {"err", status});
  }
}

void ChunkFiles::Probe() {
  constexpr size_t kProbeBytes = 64 << 10;  // some hundred chunks
  MutexLock lock(mutex_);
  Status status;
  if (current_ == nullptr) status = BeginFile();
  if (status.ok()) {
    const size_t end = current_->size;
    status = WriteAt(end, std::string(std::min(kProbeBytes, kMaxFile - end), '\0'));
    if (::ftruncate(current_->fd.get(), static_cast<off_t>(end)) != 0 && status.ok()) {
      status = ErrnoStatus(errno, PathOf(current_->number));
    }
  }
  NoteOutcome(status);
}

Status ChunkFiles::WriteAt(size_t offset, std::string_view data) {
  for (size_t done = 0; done < data.size();) {
    const ssize_t n = ::pwrite(current_->fd.get(), data.data() + done, data.size() - done,
                               static_cast<off_t>(offset + done));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return ErrnoStatus(n < 0 ? errno : ENOSPC, "write " + PathOf(current_->number));
    done += static_cast<size_t>(n);
  }
  return OkStatus();
}

Status ChunkFiles::WriteLocked(const ChunkBatch& batch) {
  const std::string& bytes = batch.bytes_;
  if (current_ == nullptr || current_->size + bytes.size() > kMaxFile) {
    NX_RETURN_IF_ERROR(BeginFile());
  }
  const size_t offset = current_->size;
  NX_RETURN_IF_ERROR(WriteAt(offset, bytes));
  current_->size.store(offset + bytes.size(), std::memory_order_release);
  for (const ChunkBatch::Chunk& chunk : batch.chunks_) {
    current_->mint = std::min(current_->mint, chunk.mint);
    current_->maxt = std::max(current_->maxt, chunk.maxt);
  }
  current_->dirty = true;
  bytes_.fetch_add(bytes.size());
  written_.fetch_add(batch.chunks_.size(), std::memory_order_relaxed);
  return OkStatus();
}

StatusOr<HeadChunk> ChunkFiles::Peek(const ChunkRef& ref) const {
  const File* file = Get(ref.file);
  HeadChunk chunk;
  size_t length = 0;
  if (file == nullptr || !ParseRecord(file->Touch(ref.offset), &chunk, &length)) {
    return DataLoss("head chunk {} in file {} cannot be read", ref.offset, ref.file);
  }
  return chunk;
}

StatusOr<HeadChunk> ChunkFiles::Read(const ChunkRef& ref) const {
  const File* file = Get(ref.file);
  HeadChunk chunk;
  size_t length = 0;
  if (file == nullptr || !ParseRecord(file->Touch(ref.offset), &chunk, &length)) {
    return DataLoss("head chunk {} in file {} cannot be read", ref.offset, ref.file);
  }
  if (!ChecksumOk(file->from(ref.offset).substr(0, length))) {
    return DataLoss("head chunk {} in file {}: checksum mismatch", ref.offset, ref.file);
  }
  return chunk;
}

StatusOr<HeadChunk> ChunkFiles::Fetch(const ChunkRef& ref, std::string* storage) const {
  constexpr size_t kMostChunks = 640;  // a full chunk of floats rarely takes more
  const File* file = Get(ref.file);
  const size_t there = file == nullptr ? 0 : file->from(ref.offset).size();
  HeadChunk chunk;
  size_t length = 0;
  for (size_t want = kMostChunks;; want *= 8) {
    storage->resize(std::min(want, there));
    NX_RETURN_IF_ERROR(file == nullptr ? OkStatus() : ReadAt(*file, ref.offset, storage));
    if (!storage->empty() && ParseRecord(*storage, &chunk, &length)) break;
    if (storage->size() < want || want > kMaxChunk * 2) {
      return DataLoss("head chunk {} in file {} cannot be read", ref.offset, ref.file);
    }
  }
  if (!ChecksumOk(std::string_view(*storage).substr(0, length))) {
    return DataLoss("head chunk {} in file {}: checksum mismatch", ref.offset, ref.file);
  }
  return chunk;
}

size_t ChunkFiles::ReadSome(const ChunkRef& ref, char* out, size_t size) const {
  const File* file = Get(ref.file);
  if (file == nullptr) return 0;
  const size_t there = std::min(size, file->from(ref.offset).size());
  const ssize_t n = ::pread(file->fd.get(), out, there, ref.offset);
  return n < 0 ? 0 : static_cast<size_t>(n);
}

Status ChunkFiles::ReadAt(const File& file, size_t offset, std::string* out) const {
  for (size_t done = 0; done < out->size();) {
    const ssize_t n = ::pread(file.fd.get(), out->data() + done, out->size() - done,
                              static_cast<off_t>(offset + done));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return ErrnoStatus(n < 0 ? errno : EIO, "read " + PathOf(file.number));
    done += static_cast<size_t>(n);
  }
  return OkStatus();
}

void ChunkFiles::DropMappedPages() {
  MutexLock lock(mutex_);
  for (uint32_t number = 1; number <= last_number_; ++number) {
    if (const File* file = Get(number)) file->DropPages();
  }
}

void ChunkFiles::CutIfOlder(int64_t span_ms) {
  MutexLock lock(mutex_);
  if (current_ != nullptr && current_->maxt - span_ms > current_->mint) current_ = nullptr;
}

void ChunkFiles::RemoveBefore(int64_t mint) {
  MutexLock lock(mutex_);
  for (uint32_t number = 1; number <= last_number_; ++number) {
    File* file = Get(number);
    if (file == nullptr || file == current_ || file->removed || file->maxt >= mint) continue;
    ::unlink(PathOf(number).c_str());
    file->removed = true;
    bytes_.fetch_sub(file->size);
    epochs_->Retire([this, file] {
      MutexLock gone(mutex_);
      files_[file->number].store(nullptr, std::memory_order_release);
      delete file;
    });
  }
}

Status ChunkFiles::Sync() {
  std::vector<File*> dirty;
  {
    MutexLock lock(mutex_);
    for (uint32_t number = 1; number <= last_number_; ++number) {
      File* file = Get(number);
      if (file == nullptr || !file->dirty || file->removed) continue;
      file->dirty = false;
      dirty.push_back(file);
    }
  }
  for (File* file : dirty) {
    if (::fdatasync(file->fd.get()) == 0) continue;
    const int error = errno;
    MutexLock lock(mutex_);
    for (File* again : dirty) again->dirty = true;
    return ErrnoStatus(error, PathOf(file->number));
  }
  return dirty.empty() ? OkStatus() : SyncDirectory(dir_);
}

Status ChunkFiles::Close() {
  const Status status = Sync();
  MutexLock lock(mutex_);
  current_ = nullptr;
  return status;
}

}  // namespace narthex::tsdb
