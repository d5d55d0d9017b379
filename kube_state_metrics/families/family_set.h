#pragma once
// The families of one resource that are on, with what all records of the resource share: the
// rendered headers and the dictionaries of labels.
//
// Thread safety: all methods; the set itself is immutable.

#include <array>
#include <atomic>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/mutex.h"
#include "kube_state_metrics/families/family.h"

namespace narthex::ksm {

// The first few short label texts a family shows, by number, so that records need not repeat them:
// states, conditions, names of containers. It only grows, up to a fixed size; a text that does not
// fit any more is written out in the record.
class LabelDictionary {
 public:
  static constexpr size_t kMaxTexts = 64;   // an index stays one byte in a record
  static constexpr size_t kMaxLength = 64;  // longer texts are hardly ever those of many objects

  LabelDictionary() = default;
  LabelDictionary(const LabelDictionary&) = delete;
  ~LabelDictionary();

  // The index of the text, which it may take for it; -1 when it has none.
  int IndexOf(std::string_view text);
  std::string_view Text(size_t index) const {
    return *texts_[index].load(std::memory_order_acquire);
  }

 private:
  static constexpr size_t kSlots = 2 * kMaxTexts;
  int Find(std::string_view text, size_t slot) const;

  std::array<std::atomic<const std::string*>, kMaxTexts> texts_{};
  std::array<std::atomic<uint8_t>, kSlots> slots_{};  // index + 1; 0 is empty
  std::atomic<size_t> size_{0};
  Mutex mutex_;  // held to insert
};

class FamilySet {
 public:
  FamilySet(ObjectLabels object_labels, std::vector<Family> families);

  size_t size() const { return families_.size(); }
  const Family& operator[](size_t i) const { return families_[i]; }
  LabelDictionary& dictionary(size_t i) const { return dictionaries_[i]; }
  const ObjectLabels& object_labels() const { return object_labels_; }
  // HELP and TYPE lines. OpenMetrics knows more types, and escapes HELP more.
  std::string_view Header(size_t i, bool open_metrics) const {
    return open_metrics ? open_metrics_headers_[i] : text_headers_[i];
  }

 private:
  const ObjectLabels object_labels_;
  const std::vector<Family> families_;
  std::vector<std::string> text_headers_, open_metrics_headers_;
  std::unique_ptr<LabelDictionary[]> dictionaries_;
};

}  // namespace narthex::ksm
