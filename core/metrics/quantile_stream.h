#pragma once
// Targeted quantiles over a stream in bounded memory: Cormode, Korn, Muthukrishnan, Srivastava,
// "Effective Computation of Biased Quantiles over Data Streams" (ICDE 2005), the targeted variant.
//
// A sorted list of (value, g, delta): g is the distance in rank to the sample before, delta the
// uncertainty of the rank. Neighbours are merged while g + g' + delta' stays under the error
// function f(rank), which is tight only around the targets.
//
// Not thread-safe.

#include <cstddef>
#include <span>
#include <utility>
#include <vector>

namespace narthex {

class QuantileStream {
 public:
  // Pairs of (quantile, allowed error of the rank as a share of the count).
  explicit QuantileStream(std::span<const std::pair<double, double>> targets);

  void Insert(double v);
  // NaN when nothing was inserted. Flushes the buffer.
  double Query(double quantile);
  void Reset();
  size_t count() const { return static_cast<size_t>(count_) + buffer_.size(); }
  size_t samples() const { return samples_.size(); }  // held after the last flush

 private:
  struct Sample {
    double value, g, delta;
  };
  double AllowedError(double rank) const;
  void Flush();
  void Merge();
  void Compress();

  std::vector<std::pair<double, double>> targets_;
  std::vector<Sample> samples_, scratch_;
  std::vector<double> buffer_;
  double count_ = 0;
};

}  // namespace narthex
