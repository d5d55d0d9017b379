#pragma once
// A record: the rendered series of one object, in one block of memory. Objects themselves are not
// kept.
//
// A pod has some hundred series that differ in little: the names of the families are those of all
// pods, the leading labels those of all series of the pod, most other labels (condition="true") are
// the same from pod to pod, and of those that are not the names are, and many values come again in
// the pod. So a record holds what only it knows, and a scrape puts the text together:
//
//   +------------------+---------------------------+--------------+-----+
//   | key: length, text| leading labels: len, text | family entry | ... |
//   +------------------+---------------------------+--------------+-----+
//   family entry:  families skipped since the last entry (varint), series
//   series:        labels, number
//   labels:        varint n; odd: n/2 is an index of the family's dictionary of labels
//                            4m: m bytes of text follow
//                            4m+2: m is an index of its dictionary of shapes, the values follow
//   value:         varint n; 2m: m bytes of text follow
//                            4m+1: as the value at m, counted from the beginning of the record
//                            4m+3: m bytes of text follow, then a byte k and k bytes, each of which
//                                  stands for two small hexadecimal digits
//   number:        byte n; odd: the last series of the family. n/2 is 0: "0"; 1: "1"; 2: a byte k
//                  and k bytes of text follow; m+2: m digits follow, two to a byte
//
// Varints are base 128, little end first. A digit is an index of "0123456789.e+-".
//
// Thread safety: records are immutable but for their reference count.

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "kube_state_metrics/families/family_set.h"

namespace narthex::ksm {

class Record;

// A counted reference; one word.
class RecordRef {
 public:
  RecordRef() = default;
  explicit RecordRef(Record* record) : record_(record) {}  // takes over one reference
  RecordRef(const RecordRef& other);
  RecordRef(RecordRef&& other) noexcept : record_(std::exchange(other.record_, nullptr)) {}
  RecordRef& operator=(RecordRef other) noexcept {
    std::swap(record_, other.record_);
    return *this;
  }
  ~RecordRef();

  Record* get() const { return record_; }
  Record* operator->() const { return record_; }
  Record& operator*() const { return *record_; }
  explicit operator bool() const { return record_ != nullptr; }

 private:
  Record* record_ = nullptr;
};

class Record {
 public:
  // A record of these bytes, in one allocation.
  static RecordRef Make(std::string_view bytes);

  std::string_view key() const;
  std::string_view bytes() const { return {data(), size_}; }
  size_t memory() const { return sizeof(Record) + size_; }

 private:
  friend class RecordRef;
  explicit Record(uint32_t size) : size_(size) {}
  const char* data() const { return reinterpret_cast<const char*>(this + 1); }

  std::atomic<uint32_t> references_{1};
  const uint32_t size_;
};

// Renders one object with all families of the set.
RecordRef Render(const FamilySet& families, std::string_view key, const Json& object);

// Walks a record family by family, in order. Cheap to copy; scrapes keep one per record.
class RecordCursor {
 public:
  explicit RecordCursor(const Record& record);

  std::string_view leading_labels() const { return {begin_ + leading_, leading_size_}; }
  // The family whose series come next, or -1 behind the last.
  int family() const { return family_; }
  // Appends the series of family() as lines of text and goes to the next family.
  void AppendFamily(const Family& family, const Dictionaries& dictionaries, std::string* out);

 private:
  uint8_t Byte() { return static_cast<uint8_t>(begin_[at_++]); }
  uint64_t Varint();
  std::string_view Bytes(size_t n);
  void NextFamily();
  void AppendLabels(const Dictionaries& dictionaries, std::string* out);
  void AppendValue(std::string* out);
  void AppendNumber(uint8_t code, std::string* out);

  const char* begin_;
  uint32_t at_ = 0;
  uint32_t end_;
  uint32_t leading_ = 0, leading_size_ = 0;
  int family_ = -1;
};

}  // namespace narthex::ksm
