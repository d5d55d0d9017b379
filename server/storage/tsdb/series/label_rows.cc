#include "server/storage/tsdb/series/label_rows.h"

#include <algorithm>
#include <cstring>

#include "core/base/bytes.h"

namespace narthex::tsdb {
namespace {

constexpr size_t kMinBase = 2;  // factoring out fewer labels saves nothing
constexpr int kMaxMisfits = 3;

// The labels of a that are in b as well, in the order of a; in another order in b, they may be
// missed.
void FindCommon(const LabelIds& a, const LabelIds& b, LabelIds* out) {
  out->clear();
  auto from = b.begin();
  for (const LabelId& label : a) {
    const auto found = std::find(from, b.end(), label);
    if (found == b.end()) continue;
    out->push_back(label);
    from = found + 1;
  }
}

}  // namespace

std::string_view LabelRows::Bytes(uint32_t row) const {
  const size_t offset = row % kChunk;
  return {chunks_[row / kChunk].get() + offset, kChunk - offset};
}

uint32_t LabelRows::Store(std::string_view bytes) {
  if (tail_ + bytes.size() > kChunk) {
    chunks_.push_back(std::make_unique<char[]>(kChunk));
    tail_ = 0;
  }
  const size_t at = tail_;
  std::memcpy(chunks_.back().get() + at, bytes.data(), bytes.size());
  tail_ += bytes.size();
  return static_cast<uint32_t>((chunks_.size() - 1) * kChunk + at);
}

uint32_t LabelRows::SplitBase(const LabelIds& labels, uint32_t metric_name_id, BaseGuess* guess) {
  own_ = labels;
  if (guess == nullptr) return 0;
  if (!guess->started) {
    guess->started = true;
    guess->misfits = 0;
    guess->labels = labels;
    std::erase_if(guess->labels, [&](const LabelId& l) { return l.name == metric_name_id; });
    return 0;
  }
  FindCommon(labels, guess->labels, &common_);
  if (common_.size() < kMinBase || common_.size() * 2 < guess->labels.size()) {
    // An odd one out; when there are several, another source has begun.
    if (++guess->misfits >= kMaxMisfits) guess->started = false;
    return 0;
  }
  guess->misfits = 0;
  guess->labels = common_;
  auto covered = common_.begin();
  std::erase_if(own_, [&](const LabelId& l) {
    if (covered == common_.end() || !(l == *covered)) return false;
    ++covered;
    return true;
  });
  guess->base = bases_.Acquire(common_, guess->base);
  return guess->base;
}

uint32_t LabelRows::Add(const LabelIds& labels, uint32_t metric_name_id, BaseGuess* guess) {
  const uint32_t base = SplitBase(labels, metric_name_id, guess);
  shape_.clear();
  for (const LabelId& l : own_) shape_.push_back(l.name);
  const uint32_t shape = shapes_.Acquire(shape_, guess == nullptr ? 0 : guess->shape);
  if (guess != nullptr) guess->shape = shape;
  bytes_.clear();
  ByteWriter out(&bytes_);
  out.Uvarint(base);
  out.Uvarint(shape);
  for (const LabelId& l : own_) out.Uvarint(l.value);
  return Store(bytes_);
}

size_t LabelRows::Length(uint32_t row) const {
  const std::string_view bytes = Bytes(row);
  ByteReader in(bytes);
  in.Uvarint();
  for (size_t n = shapes_[static_cast<uint32_t>(in.Uvarint())].size(); n > 0; --n) in.Uvarint();
  return bytes.size() - in.remaining();
}

void LabelRows::Remove(uint32_t row) {
  dead_bytes_ += Length(row);
  ByteReader in(Bytes(row));
  const auto base = static_cast<uint32_t>(in.Uvarint());
  shapes_.Release(static_cast<uint32_t>(in.Uvarint()));
  if (base != 0) bases_.Release(base);
}

void LabelRows::Get(uint32_t row, const StringTable& names, LabelIds* out) const {
  out->clear();
  ByteReader in(Bytes(row));
  const auto base_id = static_cast<uint32_t>(in.Uvarint());
  const auto& shape = shapes_[static_cast<uint32_t>(in.Uvarint())];
  if (base_id == 0) {
    for (const uint32_t name : shape) out->push_back({name, static_cast<uint32_t>(in.Uvarint())});
    return;
  }
  const LabelIds& base = bases_[base_id];
  auto next = base.begin();
  for (const uint32_t name : shape) {
    while (next != base.end() && names.Get(next->name) < names.Get(name)) out->push_back(*next++);
    out->push_back({name, static_cast<uint32_t>(in.Uvarint())});
  }
  out->insert(out->end(), next, base.end());
}

uint32_t LabelRows::ValueOf(uint32_t row, uint32_t name) const {
  ByteReader in(Bytes(row));
  const auto base = static_cast<uint32_t>(in.Uvarint());
  const auto& shape = shapes_[static_cast<uint32_t>(in.Uvarint())];
  for (const uint32_t own : shape) {
    const auto value = static_cast<uint32_t>(in.Uvarint());
    if (own == name) return value;
  }
  if (base == 0) return kNoId;
  for (const LabelId& l : bases_[base]) {
    if (l.name == name) return l.value;
  }
  return kNoId;
}

void LabelRows::MoveTablesTo(LabelRows* other) {
  other->bases_ = std::move(bases_);
  other->shapes_ = std::move(shapes_);
}

uint32_t LabelRows::CopyRow(uint32_t row, LabelRows* to) const {
  // The shape that tells the length may have moved to `to` already.
  const std::string_view bytes = Bytes(row);
  ByteReader in(bytes);
  in.Uvarint();
  for (size_t n = to->shapes_[static_cast<uint32_t>(in.Uvarint())].size(); n > 0; --n) in.Uvarint();
  return to->Store(bytes.substr(0, bytes.size() - in.remaining()));
}

}  // namespace narthex::tsdb
