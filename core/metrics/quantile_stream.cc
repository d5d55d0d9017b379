#include "core/metrics/quantile_stream.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace narthex {
namespace {
constexpr size_t kBufferSize = 512;  // one sort and one merge per so many insertions
}

QuantileStream::QuantileStream(std::span<const std::pair<double, double>> targets)
    : targets_(targets.begin(), targets.end()) {}

void QuantileStream::Insert(double v) {
  buffer_.push_back(v);
  if (buffer_.size() >= kBufferSize) Flush();
}

double QuantileStream::AllowedError(double rank) const {
  double least = std::numeric_limits<double>::infinity();
  for (const auto& [quantile, error] : targets_) {
    const double f = quantile * count_ <= rank ? 2 * error * rank / quantile
                                               : 2 * error * (count_ - rank) / (1 - quantile);
    least = std::min(least, f);
  }
  return least;
}

void QuantileStream::Flush() {
  if (buffer_.empty()) return;
  std::sort(buffer_.begin(), buffer_.end());
  Merge();
  buffer_.clear();
  Compress();
}

void QuantileStream::Merge() {
  scratch_.clear();
  scratch_.reserve(samples_.size() + buffer_.size());
  auto old = samples_.begin();
  for (double v : buffer_) {
    for (; old != samples_.end() && old->value <= v; ++old) {
      scratch_.push_back(*old);
    }
    ++count_;
    // The ends of the list are known exactly. In between the newcomer may lie anywhere up to just
    // before the next sample: the paper's f(rank) - 1 is too generous for values that arrive in
    // descending order.
    const bool at_end = scratch_.empty() || old == samples_.end();
    scratch_.push_back({v, 1, at_end ? 0 : std::max(0.0, old->g + old->delta - 1)});
  }
  scratch_.insert(scratch_.end(), old, samples_.end());
  samples_.swap(scratch_);
}

void QuantileStream::Compress() {
  if (samples_.size() < 3) return;
  // From the back: each sample swallows its left neighbour when the error function lets it. The
  // first sample stays, it is the minimum.
  scratch_.clear();
  Sample kept = samples_.back();
  double rank = count_ - 1 - kept.g;
  for (size_t i = samples_.size() - 1; i-- > 1;) {
    const Sample& left = samples_[i];
    if (left.g + kept.g + kept.delta <= AllowedError(rank)) {
      kept.g += left.g;
    } else {
      scratch_.push_back(kept);
      kept = left;
    }
    rank -= left.g;
  }
  scratch_.push_back(kept);
  scratch_.push_back(samples_.front());
  std::reverse(scratch_.begin(), scratch_.end());
  samples_.swap(scratch_);
}

double QuantileStream::Query(double quantile) {
  Flush();
  if (samples_.empty()) return std::numeric_limits<double>::quiet_NaN();
  const double wanted = std::ceil(quantile * count_);
  const double limit = wanted + AllowedError(wanted) / 2;
  double rank = 0;
  for (size_t i = 1; i < samples_.size(); ++i) {
    rank += samples_[i - 1].g;
    if (rank + samples_[i].g + samples_[i].delta > limit) return samples_[i - 1].value;
  }
  return samples_.back().value;
}

void QuantileStream::Reset() {
  samples_.clear();
  buffer_.clear();
  count_ = 0;
}

}  // namespace narthex
