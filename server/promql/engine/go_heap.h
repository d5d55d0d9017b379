#pragma once
// A binary heap with Go's container/heap movements, so that equal elements end up where they do
// there: topk over ties picks the same series.

#include <cstddef>
#include <utility>
#include <vector>

namespace narthex::promql {

template <typename T, typename Less>
void GoHeapPush(std::vector<T>* heap, T element, Less less) {
  heap->push_back(std::move(element));
  size_t j = heap->size() - 1;
  while (j > 0) {
    const size_t parent = (j - 1) / 2;
    if (!less((*heap)[j], (*heap)[parent])) break;
    std::swap((*heap)[parent], (*heap)[j]);
    j = parent;
  }
}

// Restores the heap after its top was replaced.
template <typename T, typename Less>
void GoHeapFixTop(std::vector<T>* heap, Less less) {
  const size_t n = heap->size();
  size_t i = 0;
  while (true) {
    const size_t left = 2 * i + 1;
    if (left >= n) break;
    size_t child = left;
    if (left + 1 < n && less((*heap)[left + 1], (*heap)[left])) child = left + 1;
    if (!less((*heap)[child], (*heap)[i])) break;
    std::swap((*heap)[i], (*heap)[child]);
    i = child;
  }
}

}  // namespace narthex::promql
