#include "kube_state_metrics/families/record.h"

#include <cstdlib>
#include <cstring>
#include <new>

#include "core/base/check.h"
#include "core/strings/numbers.h"
#include "kube_state_metrics/families/label_text.h"

namespace narthex::ksm {
namespace {

void AppendVarint(std::string* out, uint64_t v) {
  for (; v >= 0x80; v >>= 7) out->push_back(static_cast<char>(v | 0x80));
  out->push_back(static_cast<char>(v));
}

void AppendBytes(std::string* out, std::string_view bytes) {
  AppendVarint(out, bytes.size());
  out->append(bytes);
}

void AppendValue(std::string* out, double value) {
  if (value == 0) return out->push_back(0);
  if (value == 1) return out->push_back(1);
  const size_t length_at = out->size();
  out->push_back(0);
  AppendExpositionFloat(out, value);
  (*out)[length_at] = static_cast<char>(out->size() - length_at);  // text and one
}

// Collects the series of one family behind the entries of those before it.
class EntryWriter final : public SeriesSink {
 public:
  explicit EntryWriter(std::string* out) : out_(out) {}

  using SeriesSink::Add;
  void Add(std::span<const Label> labels, double value) override {
    text_.clear();
    for (const auto& [name, content] : labels) {
      if (!text_.empty()) text_.push_back(',');
      AppendLabel(&text_, name, content);
    }
    const int index = dictionary_->IndexOf(text_);
    if (index >= 0) {
      AppendVarint(&series_, static_cast<uint64_t>(index) * 2 + 1);
    } else {
      AppendVarint(&series_, text_.size() * 2);
      series_.append(text_);
    }
    AppendValue(&series_, value);
    ++count_;
  }

  void Begin(LabelDictionary& dictionary) {
    dictionary_ = &dictionary;
    series_.clear();
    count_ = 0;
  }
  void End() {
    if (count_ == 0) {
      ++skipped_;
      return;
    }
    AppendVarint(out_, skipped_);
    AppendVarint(out_, count_);
    out_->append(series_);
    skipped_ = 0;
  }

 private:
  std::string* const out_;
  LabelDictionary* dictionary_ = nullptr;
  std::string text_, series_;
  uint64_t count_ = 0;
  uint64_t skipped_ = 0;
};

}  // namespace

RecordRef::RecordRef(const RecordRef& other) : record_(other.record_) {
  if (record_ != nullptr) record_->references_.fetch_add(1, std::memory_order_relaxed);
}

RecordRef::~RecordRef() {
  if (record_ == nullptr) return;
  if (record_->references_.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  record_->~Record();
  std::free(record_);
}

RecordRef Record::Make(std::string_view bytes) {
  NX_CHECK(bytes.size() <= UINT32_MAX);
  void* block = std::malloc(sizeof(Record) + bytes.size());
  NX_CHECK(block != nullptr);
  auto* record = new (block) Record(static_cast<uint32_t>(bytes.size()));
  std::memcpy(static_cast<void*>(record + 1), bytes.data(), bytes.size());
  return RecordRef(record);
}

std::string_view Record::key() const {
  size_t n = 0;
  const char* p = data();
  for (int shift = 0;; shift += 7) {
    const auto byte = static_cast<unsigned char>(*p++);
    n |= static_cast<size_t>(byte & 0x7F) << shift;
    if (byte < 0x80) return {p, n};
  }
}

RecordRef Render(const FamilySet& families, std::string_view key, const Json& object) {
  std::string out, leading;
  out.reserve(2048);
  AppendBytes(&out, key);
  for (const auto& [name, value] : families.object_labels()(object)) {
    if (!leading.empty()) leading.push_back(',');
    AppendLabel(&leading, name, value);
  }
  AppendBytes(&out, leading);
  EntryWriter writer(&out);
  for (size_t i = 0; i < families.size(); ++i) {
    writer.Begin(families.dictionary(i));
    families[i].generate(object, writer);
    writer.End();
  }
  return Record::Make(out);
}

RecordCursor::RecordCursor(const Record& record)
    : at_(record.bytes().data()), end_(at_ + record.bytes().size()) {
  Bytes(Varint());  // key
  leading_ = Bytes(Varint());
  NextFamily();
}

uint64_t RecordCursor::Varint() {
  uint64_t v = 0;
  for (int shift = 0;; shift += 7) {
    const auto byte = static_cast<unsigned char>(*at_++);
    v |= static_cast<uint64_t>(byte & 0x7F) << shift;
    if (byte < 0x80) return v;
  }
}

std::string_view RecordCursor::Bytes(size_t n) {
  const std::string_view bytes(at_, n);
  at_ += n;
  return bytes;
}

void RecordCursor::NextFamily() {
  if (at_ == end_) {
    family_ = -1;
    return;
  }
  family_ += static_cast<int>(Varint()) + 1;
  series_ = static_cast<uint32_t>(Varint());
}

void RecordCursor::AppendFamily(const Family& family, const LabelDictionary& dictionary,
                                std::string* out) {
  for (; series_ > 0; --series_) {
    const uint64_t n = Varint();
    const std::string_view labels = n % 2 == 1 ? dictionary.Text(n / 2) : Bytes(n / 2);
    out->append(family.name);
    if (!leading_.empty() || !labels.empty()) {
      out->push_back('{');
      out->append(leading_);
      if (!leading_.empty() && !labels.empty()) out->push_back(',');
      out->append(labels).push_back('}');
    }
    out->push_back(' ');
    const auto length = static_cast<unsigned char>(*at_++);
    if (length <= 1) {
      out->push_back(static_cast<char>('0' + length));
    } else {
      out->append(Bytes(length - 1U));
    }
    out->push_back('\n');
  }
  NextFamily();
}

}  // namespace narthex::ksm
