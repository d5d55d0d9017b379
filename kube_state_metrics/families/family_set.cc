#include "kube_state_metrics/families/family_set.h"

#include <fmt/format.h>

#include <functional>

namespace narthex::ksm {
namespace {

std::string_view TypeName(FamilyType type, bool open_metrics) {
  switch (type) {
    case FamilyType::kCounter: return "counter";
    case FamilyType::kInfo: return open_metrics ? "info" : "gauge";
    case FamilyType::kStateSet: return open_metrics ? "stateset" : "gauge";
    case FamilyType::kGauge: break;
  }
  return "gauge";
}

std::string EscapeHelp(std::string_view help, bool quotes) {
  std::string out;
  for (const char c : help) {
    if (c == '\\' || c == '\n' || (quotes && c == '"')) out.push_back('\\');
    out.push_back(c == '\n' ? 'n' : c);
  }
  return out;
}

std::string HeaderOf(const Family& family, bool open_metrics) {
  return fmt::format("# HELP {0} {1}{2}\n# TYPE {0} {3}\n", family.name,
                     family.stability == Stability::kStable ? "[STABLE] " : "",
                     EscapeHelp(family.help, open_metrics), TypeName(family.type, open_metrics));
}

}  // namespace

template <size_t max_texts, size_t max_length>
TextDictionary<max_texts, max_length>::~TextDictionary() {
  for (auto& text : texts_) delete text.load(std::memory_order_relaxed);
}

template <size_t max_texts, size_t max_length>
int TextDictionary<max_texts, max_length>::Find(std::string_view text, size_t slot) const {
  for (;; slot = (slot + 1) % kSlots) {
    const uint8_t entry = slots_[slot].load(std::memory_order_acquire);
    if (entry == 0) return -1;
    if (Text(entry - 1U) == text) return entry - 1;
  }
}

template <size_t max_texts, size_t max_length>
int TextDictionary<max_texts, max_length>::IndexOf(std::string_view text) {
  if (text.empty() || text.size() > kMaxLength) return -1;
  const size_t slot = std::hash<std::string_view>{}(text) % kSlots;
  if (const int index = Find(text, slot); index >= 0) return index;
  if (size_.load(std::memory_order_relaxed) == kMaxTexts) return -1;
  MutexLock lock(mutex_);
  if (const int index = Find(text, slot); index >= 0) return index;
  const size_t index = size_.load(std::memory_order_relaxed);
  if (index == kMaxTexts) return -1;
  texts_[index].store(new std::string(text), std::memory_order_release);
  // At most half of the slots are taken, so a probe always ends.
  size_t free = slot;
  while (slots_[free].load(std::memory_order_relaxed) != 0) free = (free + 1) % kSlots;
  slots_[free].store(static_cast<uint8_t>(index + 1), std::memory_order_release);
  size_.store(index + 1, std::memory_order_relaxed);
  return static_cast<int>(index);
}

template class TextDictionary<64, 64>;
template class TextDictionary<16, 512>;

FamilySet::FamilySet(ObjectLabels object_labels, std::vector<Family> families)
    : object_labels_(std::move(object_labels)),
      families_(std::move(families)),
      dictionaries_(std::make_unique<Dictionaries[]>(families_.size())) {
  for (const Family& family : families_) {
    text_headers_.push_back(HeaderOf(family, false));
    open_metrics_headers_.push_back(HeaderOf(family, true));
  }
}

}  // namespace narthex::ksm
