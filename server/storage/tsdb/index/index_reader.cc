#include "server/storage/tsdb/index/index_reader.h"

#include <algorithm>
#include <array>
#include <atomic>

#include "core/base/bytes.h"
#include "core/base/crc32c.h"

namespace narthex::tsdb {
namespace {

constexpr size_t kMaxRefs = UINT32_MAX;

uint64_t NextReaderId() {
  static std::atomic<uint64_t> next{1};
  return next.fetch_add(1, std::memory_order_relaxed);
}

// What this thread looked up last. A symbol costs a walk over up to 32 strings; the labels of
// neighbouring series repeat.
struct CachedSymbol {
  uint64_t reader = 0;
  uint32_t symbol = 0;
  std::string_view text;
};
constexpr size_t kCachedSymbols = 1024;

CachedSymbol& CacheSlot(uint64_t reader, uint32_t symbol) {
  thread_local std::array<CachedSymbol, kCachedSymbols> cache;
  return cache[(symbol + reader * 0x9e3779b9U) % kCachedSymbols];
}

struct Pair {
  std::string_view name, value;
  uint64_t postings = 0;
};

bool ReadPair(ByteReader* reader, Pair* out) {
  const uint64_t keys = reader->Uvarint();
  out->name = reader->UvarintString();
  out->value = reader->UvarintString();
  out->postings = reader->Uvarint();
  return reader->ok() && keys == 2;
}

}  // namespace

uint32_t PostingsList::Seek(uint32_t from, uint32_t v) const {
  if (from >= size_ || (*this)[from] >= v) return std::min(from, size_);
  // Doubling steps, then halving: short hops are the rule in an intersection.
  uint64_t low = from, step = 1;
  while (low + step < size_ && (*this)[static_cast<uint32_t>(low + step)] < v) {
    low += step;
    step *= 2;
  }
  uint64_t high = std::min<uint64_t>(low + step, size_);
  while (high - low > 1) {
    const uint64_t middle = low + (high - low) / 2;
    ((*this)[static_cast<uint32_t>(middle)] < v ? low : high) = middle;
  }
  return static_cast<uint32_t>(high);
}

// The values of one name from the i-th on.
class IndexReader::PairCursor {
 public:
  PairCursor(const IndexReader& index, const Name& name, uint32_t i)
      : index_(index), name_(name), i_(i), reader_({}) {}

  bool Next() {
    if (i_ >= name_.values) return false;
    if (!positioned_ || i_ % index_.factor_ == 0) {
      reader_ = ByteReader(
          index_.pairs_.substr(index_.samples_[name_.first_sample + i_ / index_.factor_]));
      positioned_ = true;
    }
    ++i_;
    return ReadPair(&reader_, &pair_);
  }
  const Pair& pair() const { return pair_; }

 private:
  const IndexReader& index_;
  const Name& name_;
  uint32_t i_;
  bool positioned_ = false;
  ByteReader reader_;
  Pair pair_;
};

IndexReader::IndexReader(MappedFile mapping, std::string_view file, std::string name)
    : mapping_(std::move(mapping)), file_(file), path_(std::move(name)), id_(NextReaderId()) {}

StatusOr<std::unique_ptr<IndexReader>> IndexReader::Open(const std::string& path) {
  NX_ASSIGN_OR_RETURN(MappedFile mapping, MappedFile::Open(path));
  const std::string_view file = mapping.data();
  std::unique_ptr<IndexReader> reader(new IndexReader(std::move(mapping), file, path));
  NX_RETURN_IF_ERROR(reader->Init());
  return reader;
}

StatusOr<std::unique_ptr<IndexReader>> IndexReader::FromBytes(std::string_view bytes,
                                                              std::string name) {
  std::unique_ptr<IndexReader> reader(new IndexReader(MappedFile(), bytes, std::move(name)));
  NX_RETURN_IF_ERROR(reader->Init());
  return reader;
}

Status IndexReader::Damaged(std::string_view what) const { return DataLoss("{}: {}", path_, what); }

Status IndexReader::Init() {
  if (file_.size() < kIndexHeaderBytes) return Damaged("index header: invalid size");
  ByteReader header(file_);
  if (const uint32_t magic = header.Be32(); magic != kIndexMagic) {
    return DataLoss("{}: invalid magic number {:x}", path_, magic);
  }
  version_ = header.U8();
  if (version_ < 1 || version_ > 3) {
    return DataLoss("{}: unknown index file version {}", path_, version_);
  }
  factor_ = version_ == 1 ? 1 : kIndexSampling;
  const size_t align = version_ == 1 ? 1 : kSeriesAlign;
  series_limit_ = static_cast<uint32_t>(std::min(kMaxRefs, file_.size() / align + 1));
  NX_RETURN_IF_ERROR(ReadToc());
  NX_RETURN_IF_ERROR(ReadSymbolTable());
  return ReadPairTable();
}

Status IndexReader::ReadToc() {
  if (file_.size() < kIndexHeaderBytes + kIndexTocBytes) return Damaged("TOC: invalid size");
  const std::string_view toc = file_.substr(file_.size() - kIndexTocBytes);
  const std::string_view checked = toc.substr(0, kIndexTocBytes - 4);
  if (ByteReader(toc.substr(checked.size())).Be32() != Crc32c(checked)) {
    return Damaged("TOC: invalid checksum");
  }
  ByteReader reader(checked);
  for (uint64_t* offset : {&toc_.symbols, &toc_.series, &toc_.label_indices,
                           &toc_.label_indices_table, &toc_.postings, &toc_.postings_table}) {
    *offset = reader.Be64();
    if (*offset > file_.size()) return Damaged("TOC: a section begins beyond the end");
  }
  return OkStatus();
}

StatusOr<std::string_view> IndexReader::Section(uint64_t offset, std::string_view what) const {
  if (offset > file_.size()) return DataLoss("{}: {}: begins beyond the end", path_, what);
  ByteReader reader(file_.substr(offset));
  const uint64_t length = reader.Be32();
  if (!reader.ok() || reader.remaining() < length + 4) {
    return DataLoss("{}: {}: invalid size", path_, what);
  }
  const std::string_view payload = reader.Bytes(length);
  if (reader.Be32() != Crc32c(payload)) {
    return DataLoss("{}: {}: invalid checksum", path_, what);
  }
  return payload;
}

// ---- Symbols ----

Status IndexReader::ReadSymbolTable() {
  NX_ASSIGN_OR_RETURN(const std::string_view table, Section(toc_.symbols, "symbols"));
  ByteReader reader(table);
  symbol_count_ = reader.Be32();
  if (!reader.ok()) return Damaged("symbols: invalid size");
  symbols_ = reader.rest();
  if (symbol_count_ > symbols_.size()) return Damaged("symbols: more than there is room for");
  symbol_samples_.reserve(symbol_count_ / kIndexSampling + 1);
  for (uint32_t i = 0; i < symbol_count_; ++i) {
    if (i % kIndexSampling == 0) {
      symbol_samples_.push_back(static_cast<uint32_t>(symbols_.size() - reader.remaining()));
    }
    reader.UvarintString();
  }
  if (!reader.ok()) return Damaged("symbols: cut off");
  return OkStatus();
}

StatusOr<std::string_view> IndexReader::SymbolAt(uint64_t offset) const {
  if (offset > file_.size()) return Damaged("a symbol beyond the end");
  ByteReader reader(file_.substr(offset));
  const std::string_view text = reader.UvarintString();
  if (!reader.ok()) return Damaged("a symbol is cut off");
  return text;
}

StatusOr<std::string_view> IndexReader::SymbolUncached(uint32_t symbol) const {
  if (version_ == 1) return SymbolAt(symbol);  // an offset in the file
  if (symbol >= symbol_count_) {
    return DataLoss("{}: unknown symbol offset {}", path_, symbol);
  }
  ByteReader reader(symbols_.substr(symbol_samples_[symbol / kIndexSampling]));
  for (uint32_t skip = symbol % kIndexSampling; skip > 0; --skip) reader.UvarintString();
  return reader.UvarintString();
}

StatusOr<std::string_view> IndexReader::Symbol(uint32_t symbol) const {
  CachedSymbol& cached = CacheSlot(id_, symbol);
  if (cached.reader == id_ && cached.symbol == symbol) return cached.text;
  NX_ASSIGN_OR_RETURN(const std::string_view text, SymbolUncached(symbol));
  cached = {id_, symbol, text};
  return text;
}

StatusOr<std::vector<std::string>> IndexReader::Symbols() const {
  std::vector<std::string> all;
  all.reserve(symbol_count_);
  ByteReader reader(symbols_);
  for (uint32_t i = 0; i < symbol_count_; ++i) all.emplace_back(reader.UvarintString());
  if (!std::is_sorted(all.begin(), all.end())) return Damaged("symbols: not sorted");
  return all;
}

// ---- Label pairs ----

void IndexReader::AddSample(std::string_view name, uint32_t offset, uint32_t factor) {
  if (names_.empty() || names_.back().name != name) {
    names_.push_back({name, static_cast<uint32_t>(samples_.size()), 0});
  }
  if (names_.back().values++ % factor == 0) samples_.push_back(offset);
}

Status IndexReader::ReadPairTable() {
  NX_ASSIGN_OR_RETURN(const std::string_view table,
                      Section(toc_.postings_table, "postings offset table"));
  ByteReader reader(table);
  const uint32_t count = reader.Be32();
  if (!reader.ok()) return Damaged("postings offset table: invalid size");
  pairs_ = reader.rest();
  if (version_ == 1) return ReadPairTableV1(pairs_, count);
  Pair last;
  for (uint32_t i = 0; i < count; ++i) {
    const auto offset = static_cast<uint32_t>(pairs_.size() - reader.remaining());
    Pair pair;
    if (!ReadPair(&reader, &pair)) return Damaged("postings offset table: cut off");
    if (i > 0 && std::tie(pair.name, pair.value) <= std::tie(last.name, last.value)) {
      return Damaged("postings offset table: not sorted");
    }
    AddSample(pair.name, offset, factor_);
    last = pair;
  }
  names_.shrink_to_fit();
  samples_.shrink_to_fit();
  return OkStatus();
}

Status IndexReader::ReadPairTableV1(std::string_view table, uint32_t count) {
  std::vector<std::pair<Pair, uint32_t>> all;
  ByteReader reader(table);
  for (uint32_t i = 0; i < count; ++i) {
    const auto offset = static_cast<uint32_t>(table.size() - reader.remaining());
    Pair pair;
    if (!ReadPair(&reader, &pair)) return Damaged("postings offset table: cut off");
    all.emplace_back(pair, offset);
  }
  const auto key = [](const auto& entry) { return std::tie(entry.first.name, entry.first.value); };
  std::sort(all.begin(), all.end(), [&](const auto& a, const auto& b) { return key(a) < key(b); });
  for (const auto& [pair, offset] : all) AddSample(pair.name, offset, factor_);
  return OkStatus();
}

const IndexReader::Name* IndexReader::FindName(std::string_view name) const {
  const auto found = std::lower_bound(names_.begin(), names_.end(), name,
                                      [](const Name& n, std::string_view v) { return n.name < v; });
  return found == names_.end() || found->name != name ? nullptr : &*found;
}

std::vector<std::string_view> IndexReader::LabelNames() const {
  std::vector<std::string_view> names;
  names.reserve(names_.size());
  for (const Name& name : names_) {
    if (!name.name.empty()) names.push_back(name.name);  // "" holds the list of all series
  }
  return names;
}

size_t IndexReader::LabelValueCount(std::string_view name) const {
  const Name* found = FindName(name);
  return found == nullptr ? 0 : found->values;
}

Status IndexReader::ForEachValue(std::string_view name, VisitValue visit) const {
  return ForEachValueFrom(name, "", visit);
}

Status IndexReader::ForEachValueFrom(std::string_view name, std::string_view from,
                                     VisitValue visit) const {
  const Name* found = FindName(name);
  if (found == nullptr) return OkStatus();
  // The last sample that is not above `from`.
  uint32_t low = 0, high = (found->values + factor_ - 1) / factor_;
  while (high - low > 1) {
    const uint32_t middle = low + (high - low) / 2;
    PairCursor at(*this, *found, middle * factor_);
    if (!at.Next()) return Damaged("postings offset table: cut off");
    (at.pair().value <= from ? low : high) = middle;
  }
  PairCursor cursor(*this, *found, low * factor_);
  while (cursor.Next()) {
    if (cursor.pair().value < from) continue;
    if (!visit(cursor.pair().value, cursor.pair().postings)) return OkStatus();
  }
  return OkStatus();
}

// ---- Postings ----

StatusOr<PostingsList> IndexReader::Postings(std::string_view name, std::string_view value) const {
  bool found = false;
  uint64_t offset = 0;
  NX_RETURN_IF_ERROR(ForEachValueFrom(name, value, [&](std::string_view v, uint64_t postings) {
    found = v == value;
    offset = postings;
    return false;
  }));
  if (!found) return PostingsList();
  return PostingsAt(offset);
}

StatusOr<PostingsList> IndexReader::PostingsAt(uint64_t offset) const {
  NX_ASSIGN_OR_RETURN(const std::string_view payload, Section(offset, "postings"));
  ByteReader reader(payload);
  const uint64_t count = reader.Be32();
  if (!reader.ok() || reader.remaining() != count * 4) {
    return DataLoss("{}: postings: {} in {} bytes", path_, count, payload.size());
  }
  return PostingsList(reader.rest().data(), static_cast<uint32_t>(count));
}

size_t IndexReader::memory_bytes() const {
  return (symbol_samples_.capacity() + samples_.capacity()) * sizeof(uint32_t) +
         names_.capacity() * sizeof(Name);
}

}  // namespace narthex::tsdb
