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

// The first few short texts a family shows, by number, so that records need not repeat them. It
// only grows, up to a fixed size; a text that does not fit any more has no number.
template <size_t max_texts, size_t max_length>
class TextDictionary {
 public:
  static constexpr size_t kMaxTexts = max_texts;
  static constexpr size_t kMaxLength = max_length;
  static_assert(max_texts < 256);  // an index and one more is a byte

  TextDictionary() = default;
  TextDictionary(const TextDictionary&) = delete;
  ~TextDictionary();

  // The index of the text, which it may take for it; -1 when it has none.
  int IndexOf(std::string_view text);
  std::string_view Text(size_t index) const {
    return *texts_[index].load(std::memory_order_acquire);
  }

 private:
  static constexpr size_t kSlots = 2 * max_texts;
  int Find(std::string_view text, size_t slot) const;

  std::array<std::atomic<const std::string*>, max_texts> texts_{};
  std::array<std::atomic<uint8_t>, kSlots> slots_{};  // index + 1; 0 is empty
  std::atomic<size_t> size_{0};
  Mutex mutex_;  // held to insert
};

// All labels of a series as they are written: states, conditions, names of containers. Longer ones
// are hardly ever those of many objects.
using LabelDictionary = TextDictionary<64, 64>;
// The names of the labels of a series, with commas between them.
using ShapeDictionary = TextDictionary<16, 512>;

struct Dictionaries {
  LabelDictionary labels;
  ShapeDictionary shapes;
};

class FamilySet {
 public:
  FamilySet(ObjectLabels object_labels, std::vector<Family> families);

  size_t size() const { return families_.size(); }
  const Family& operator[](size_t i) const { return families_[i]; }
  Dictionaries& dictionaries(size_t i) const { return dictionaries_[i]; }
  const ObjectLabels& object_labels() const { return object_labels_; }
  // HELP and TYPE lines. OpenMetrics knows more types, and escapes HELP more.
  std::string_view Header(size_t i, bool open_metrics) const {
    return open_metrics ? open_metrics_headers_[i] : text_headers_[i];
  }

 private:
  const ObjectLabels object_labels_;
  const std::vector<Family> families_;
  std::vector<std::string> text_headers_, open_metrics_headers_;
  std::unique_ptr<Dictionaries[]> dictionaries_;
};

}  // namespace narthex::ksm
