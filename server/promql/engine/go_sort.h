#pragma once
// Go's sort.Sort and slices.SortFunc, which are not stable: pattern-defeating quicksort with Go's
// constants, so that elements that are equal end up where they do there. Orders that contradict
// themselves do no harm either.

#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <tuple>
#include <utility>
#include <vector>

namespace narthex::promql {

template <typename T, typename Less>
class GoSorter {
 public:
  GoSorter(std::span<T> elements, Less less) : data_(elements.data()), less_(less) {}

  void Sort(size_t n) { Quick(0, n, std::bit_width(n)); }

 private:
  static constexpr size_t kFew = 12;   // sorted by insertion
  static constexpr size_t kMany = 50;  // medians of medians, and worth shifting
  static constexpr int kMostSwaps = 4 * 3;
  enum class Hint : uint8_t { kUnknown, kAscending, kDescending };

  bool IsLess(size_t i, size_t j) const { return less_(data_[i], data_[j]); }
  void Swap(size_t i, size_t j) { std::swap(data_[i], data_[j]); }

  void Quick(size_t a, size_t b, int limit) {
    bool balanced = true;
    bool partitioned = true;
    while (true) {
      const size_t n = b - a;
      if (n <= kFew) return Insertion(a, b);
      if (limit == 0) return Heap(a, n);
      if (!balanced) {
        Shuffle(a, n);
        --limit;
      }
      auto [pivot, hint] = Choose(a, n);
      if (hint == Hint::kDescending) {
        for (size_t i = a, j = b - 1; i < j; ++i, --j) Swap(i, j);
        pivot = (b - 1) - (pivot - a);
        hint = Hint::kAscending;
      }
      if (balanced && partitioned && hint == Hint::kAscending && NearlySorted(a, b)) return;
      if (a > 0 && !IsLess(a - 1, pivot)) {
        a = PartitionEqual(a, b, pivot);
        continue;
      }
      size_t middle;
      std::tie(middle, partitioned) = Partition(a, b, pivot);
      const size_t left = middle - a;
      const size_t right = b - middle;
      if (left < right) {
        balanced = left >= n / 8;
        Quick(a, middle, limit);
        a = middle + 1;
      } else {
        balanced = right >= n / 8;
        Quick(middle + 1, b, limit);
        b = middle;
      }
    }
  }

  void Insertion(size_t a, size_t b) {
    for (size_t i = a + 1; i < b; ++i) {
      for (size_t j = i; j > a && IsLess(j, j - 1); --j) Swap(j, j - 1);
    }
  }

  void SiftDown(size_t root, size_t n, size_t first) {
    for (size_t child; (child = 2 * root + 1) < n; root = child) {
      if (child + 1 < n && IsLess(first + child, first + child + 1)) ++child;
      if (!IsLess(first + root, first + child)) return;
      Swap(first + root, first + child);
    }
  }

  void Heap(size_t first, size_t n) {
    for (size_t i = (n - 1) / 2 + 1; i-- > 0;) SiftDown(i, n, first);
    for (size_t i = n; i-- > 0;) {
      Swap(first, first + i);
      SiftDown(0, i, first);
    }
  }

  // Three elements of the middle change places with others, always the same ones.
  void Shuffle(size_t a, size_t n) {
    uint64_t random = n;
    const uint64_t mask = (uint64_t{1} << std::bit_width(n)) - 1;
    const size_t middle = a + n / 4 * 2;
    for (size_t i = 0; i < 3; ++i) {
      random ^= random << 13;
      random ^= random >> 7;
      random ^= random << 17;
      size_t other = random & mask;
      if (other >= n) other -= n;
      Swap(middle - 1 + i, a + other);
    }
  }

  size_t Median(size_t a, size_t b, size_t c, int* swaps) const {
    const auto order = [&](size_t& x, size_t& y) {
      if (!IsLess(y, x)) return;
      ++*swaps;
      std::swap(x, y);
    };
    order(a, b);
    order(b, c);
    order(a, b);
    return b;
  }

  std::pair<size_t, Hint> Choose(size_t a, size_t n) const {
    int swaps = 0;
    size_t i = a + n / 4;
    size_t j = a + n / 4 * 2;
    size_t k = a + n / 4 * 3;
    if (n >= kMany) {
      i = Median(i - 1, i, i + 1, &swaps);
      j = Median(j - 1, j, j + 1, &swaps);
      k = Median(k - 1, k, k + 1, &swaps);
    }
    j = Median(i, j, k, &swaps);
    return {j, swaps == 0            ? Hint::kAscending
               : swaps == kMostSwaps ? Hint::kDescending
                                     : Hint::kUnknown};
  }

  // Puts a few elements right; false when there is more to do.
  bool NearlySorted(size_t a, size_t b) {
    size_t i = a + 1;
    for (int round = 0; round < 5; ++round) {
      while (i < b && !IsLess(i, i - 1)) ++i;
      if (i == b) return true;
      if (b - a < kMany) return false;
      Swap(i, i - 1);
      if (i - a >= 2) {
        for (size_t j = i - 1; j >= 1 && IsLess(j, j - 1); --j) Swap(j, j - 1);
      }
      if (b - i >= 2) {
        for (size_t j = i + 1; j < b && IsLess(j, j - 1); ++j) Swap(j, j - 1);
      }
    }
    return false;
  }

  // What equals the smallest element, the pivot, comes first. Returns where the rest begins.
  size_t PartitionEqual(size_t a, size_t b, size_t pivot) {
    Swap(a, pivot);
    size_t i = a + 1;
    size_t j = b - 1;
    while (true) {
      while (i <= j && !IsLess(a, i)) ++i;
      while (i <= j && IsLess(a, j)) --j;
      if (i > j) return i;
      Swap(i++, j--);
    }
  }

  // Where the pivot comes to lie, and whether there was nothing to do.
  std::pair<size_t, bool> Partition(size_t a, size_t b, size_t pivot) {
    Swap(a, pivot);
    size_t i = a + 1;
    size_t j = b - 1;
    bool nothing = true;
    while (true) {
      while (i <= j && IsLess(i, a)) ++i;
      while (i <= j && !IsLess(j, a)) --j;
      if (i > j) break;
      nothing = false;
      Swap(i++, j--);
    }
    Swap(j, a);
    return {j, nothing};
  }

  T* const data_;
  const Less less_;
};

template <typename T, typename Less>
void GoSort(std::span<T> elements, Less less) {
  GoSorter<T, Less>(elements, less).Sort(elements.size());
}
template <typename T, typename Less>
void GoSort(std::vector<T>* elements, Less less) {
  GoSort(std::span<T>(*elements), less);
}

// sort.Sort(sort.Reverse(elements)).
template <typename T, typename Less>
void GoSortReversed(std::vector<T>* elements, Less less) {
  GoSort(elements, [&less](const T& a, const T& b) { return less(b, a); });
}

}  // namespace narthex::promql
