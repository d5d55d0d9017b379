#include "kube_state_metrics/families/record.h"

#include <cstdlib>
#include <cstring>
#include <new>
#include <utility>
#include <vector>

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

constexpr std::string_view kDigits = "0123456789.e+-";
constexpr uint8_t kText = 2;  // code of a number that is not in digits; greater ones are lengths
constexpr size_t kMinHexRun = 16;  // shorter ones are not worth the two bytes it takes to tell
constexpr size_t kMaxHexRun = 510;

void AppendNumber(std::string* out, double value) {
  if (value == 0 || value == 1) return out->push_back(value == 0 ? 0 : 2);
  std::string text;
  AppendExpositionFloat(&text, value);
  if (text.find_first_not_of(kDigits) != std::string::npos) {  // NaN, Inf
    out->push_back(kText * 2);
    out->push_back(static_cast<char>(text.size()));
    out->append(text);
    return;
  }
  out->push_back(static_cast<char>((text.size() + kText) * 2));
  for (size_t i = 0; i < text.size(); i += 2) {
    const size_t high = kDigits.find(text[i]);
    const size_t low = i + 1 < text.size() ? kDigits.find(text[i + 1]) : 0;
    out->push_back(static_cast<char>(high << 4 | low));
  }
}

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

// How many hexadecimal digits the text ends with, an even number.
size_t HexRun(std::string_view text) {
  size_t run = 0;
  while (run < text.size() && run < kMaxHexRun && HexDigit(text[text.size() - 1 - run]) >= 0) ++run;
  return run / 2 * 2;
}

// Writes the families of a record, one after the other.
class RecordWriter final : public SeriesSink {
 public:
  explicit RecordWriter(std::string* out) : out_(out) {}

  using SeriesSink::Add;
  void Add(std::span<const Label> labels, double value) override {
    if (!std::exchange(any_, true)) AppendVarint(out_, std::exchange(skipped_, 0));
    AddLabels(labels);
    last_number_ = out_->size();
    AppendNumber(out_, value);
  }

  void Begin(Dictionaries& dictionaries) {
    dictionaries_ = &dictionaries;
    any_ = false;
  }
  void End() {
    if (any_) {
      (*out_)[last_number_] |= 1;
    } else {
      ++skipped_;
    }
  }

 private:
  void AddLabels(std::span<const Label> labels) {
    text_.clear();
    names_.clear();
    for (const auto& [name, value] : labels) {
      if (!text_.empty()) {
        text_.push_back(',');
        names_.push_back(',');
      }
      AppendLabel(&text_, name, value);
      names_.append(name);
    }
    if (const int index = dictionaries_->labels.IndexOf(text_); index >= 0) {
      return AppendVarint(out_, static_cast<uint64_t>(index) * 2 + 1);
    }
    const int shape = dictionaries_->shapes.IndexOf(names_);
    if (shape < 0) {
      AppendVarint(out_, text_.size() * 4);
      out_->append(text_);
      return;
    }
    AppendVarint(out_, static_cast<uint64_t>(shape) * 4 + 2);
    for (const auto& [name, value] : labels) AddValue(value);
  }

  void AddValue(std::string_view value) {
    const size_t begin = known_texts_.size();
    AppendEscaped(&known_texts_, value);
    const std::string_view text = std::string_view(known_texts_).substr(begin);
    for (const Known& known : known_) {
      if (std::string_view(known_texts_).substr(known.begin, known.size) == text) {
        known_texts_.resize(begin);
        return AppendVarint(out_, uint64_t{known.offset} * 4 + 1);
      }
    }
    const auto offset = static_cast<uint32_t>(out_->size());
    WriteValue(text);
    // Those a reference would be longer than are not looked for, nor more than a few.
    if (text.size() > 2 && known_.size() < kMaxKnown) {
      known_.push_back({static_cast<uint32_t>(begin), static_cast<uint32_t>(text.size()), offset});
    } else {
      known_texts_.resize(begin);
    }
  }

  void WriteValue(std::string_view text) {
    const size_t run = HexRun(text);
    if (run < kMinHexRun) {
      AppendVarint(out_, text.size() * 2);
      out_->append(text);
      return;
    }
    const std::string_view hex = text.substr(text.size() - run);
    text.remove_suffix(run);
    AppendVarint(out_, text.size() * 4 + 3);
    out_->append(text);
    out_->push_back(static_cast<char>(run / 2));
    for (size_t i = 0; i < run; i += 2) {
      out_->push_back(static_cast<char>(HexDigit(hex[i]) << 4 | HexDigit(hex[i + 1])));
    }
  }

  // A value of the record, and where it stands there.
  struct Known {
    uint32_t begin, size;  // in known_texts_
    uint32_t offset;
  };
  static constexpr size_t kMaxKnown = 100;  // they are searched one by one

  std::string* const out_;
  Dictionaries* dictionaries_ = nullptr;
  std::string text_, names_, known_texts_;
  std::vector<Known> known_;
  size_t last_number_ = 0;
  bool any_ = false;  // series of this family
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
  RecordWriter writer(&out);
  for (size_t i = 0; i < families.size(); ++i) {
    writer.Begin(families.dictionaries(i));
    families[i].generate(object, writer);
    writer.End();
  }
  return Record::Make(out);
}

RecordCursor::RecordCursor(const Record& record)
    : begin_(record.bytes().data()), end_(static_cast<uint32_t>(record.bytes().size())) {
  Bytes(Varint());  // key
  leading_size_ = static_cast<uint32_t>(Varint());
  leading_ = at_;
  at_ += leading_size_;
  NextFamily();
}

uint64_t RecordCursor::Varint() {
  uint64_t v = 0;
  for (int shift = 0;; shift += 7) {
    const uint8_t byte = Byte();
    v |= static_cast<uint64_t>(byte & 0x7F) << shift;
    if (byte < 0x80) return v;
  }
}

std::string_view RecordCursor::Bytes(size_t n) {
  const std::string_view bytes(begin_ + at_, n);
  at_ += static_cast<uint32_t>(n);
  return bytes;
}

void RecordCursor::NextFamily() {
  family_ = at_ == end_ ? -1 : family_ + static_cast<int>(Varint()) + 1;
}

void RecordCursor::AppendValue(std::string* out) {
  const uint64_t n = Varint();
  if (n % 2 == 0) {
    out->append(Bytes(n / 2));
  } else if (n % 4 == 1) {
    const uint32_t behind = std::exchange(at_, static_cast<uint32_t>(n / 4));
    AppendValue(out);  // which refers to no other
    at_ = behind;
  } else {
    constexpr char kHex[] = "0123456789abcdef";
    out->append(Bytes(n / 4));
    for (const char c : Bytes(Byte())) {
      const auto byte = static_cast<uint8_t>(c);
      out->push_back(kHex[byte >> 4]);
      out->push_back(kHex[byte & 15]);
    }
  }
}

void RecordCursor::AppendLabels(const Dictionaries& dictionaries, std::string* out) {
  const uint64_t n = Varint();
  if (n % 2 == 1) {
    out->append(dictionaries.labels.Text(n / 2));
    return;
  }
  if (n % 4 == 0) {
    out->append(Bytes(n / 4));
    return;
  }
  std::string_view names = dictionaries.shapes.Text(n / 4);
  while (true) {
    const size_t comma = names.find(',');
    out->append(names.substr(0, comma)).append("=\"");
    AppendValue(out);
    out->push_back('"');
    if (comma == std::string_view::npos) return;
    out->push_back(',');
    names.remove_prefix(comma + 1);
  }
}

void RecordCursor::AppendNumber(uint8_t code, std::string* out) {
  if (code < kText) return out->push_back(static_cast<char>('0' + code));
  if (code == kText) {
    out->append(Bytes(Byte()));
    return;
  }
  for (int left = code - kText; left > 0; left -= 2) {
    const uint8_t pair = Byte();
    out->push_back(kDigits[pair >> 4]);
    if (left > 1) out->push_back(kDigits[pair & 15]);
  }
}

void RecordCursor::AppendFamily(const Family& family, const Dictionaries& dictionaries,
                                std::string* out) {
  for (bool last = false; !last;) {
    out->append(family.name).push_back('{');
    out->append(leading_labels());
    const size_t before = out->size();
    if (leading_size_ > 0) out->push_back(',');
    const size_t labels = out->size();
    AppendLabels(dictionaries, out);
    if (out->size() == labels) out->resize(before);  // no labels of its own
    if (out->back() == '{') {
      out->pop_back();
    } else {
      out->push_back('}');
    }
    out->push_back(' ');
    const uint8_t number = Byte();
    last = number % 2 == 1;
    AppendNumber(number / 2, out);
    out->push_back('\n');
  }
  NextFamily();
}

}  // namespace narthex::ksm
