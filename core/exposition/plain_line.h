#pragma once
// Reads series lines with nothing unusual about them, as nearly all are:
//
//   name{name="value",name="value"} number LF          or without braces, or with a timestamp
//
// in one pass and without tokens, for the scrapes that find a series for the first time. What is
// not plainly of that form (escapes, bytes beyond ASCII, quoted names, blanks, exemplars, a name
// given twice, numbers only the slow path can read) is left to TextReader, whose grammar this is a
// part of: a line taken here gives exactly what TextReader would give.
//
// Neighbouring lines mostly have the same names in the same order. So each name is first compared
// with the one at the same place of the line before, and the sorted order is found once for a run
// of such lines.
//
// Thread safety: none. The body must outlive it.

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/exposition/text_reader.h"
#include "core/labels/labels.h"

namespace narthex {

class PlainLines {
 public:
  PlainLines(std::string_view body, TextDialect dialect, const TextLimits& limits);

  // Reads the line at `at`, the start of a line. False: not plain, and nothing else is said here.
  bool Read(size_t at);

  // ---- after Read gave true ----
  std::string_view series() const { return series_; }
  double value() const { return value_; }
  int64_t timestamp_ms() const { return timestamp_ms_; }  // kNoTimestamp without one
  size_t end() const { return end_; }                     // the start of the next line
  // The labels of the series, le and quantile normalised under `type`. Valid until the next call.
  const Labels& DecodeLabels(ScrapedType type);
  // The names of labels without a value, which DecodeLabels leaves out.
  void EmptyLabels(std::vector<std::string_view>* names) const;

 private:
  // More labels than this are no plain line: the order is found by insertion.
  static constexpr size_t kMaxLabels = 32;

  // A label name and the =" behind it, in the body.
  struct Name {
    const char* text;
    size_t length;
  };

  const char* ReadMetric(const char* p);
  const char* ReadPairs(const char* p);
  size_t LabelNameLength(const char* p) const;
  const char* ReadSuffix(const char* p);
  bool SortNames();
  std::string_view NameAt(size_t place) const;

  const std::string_view body_;
  const char* const body_end_;
  const TextDialect dialect_;
  const size_t max_series_bytes_, max_labels_;

  std::string_view series_;
  double value_ = 0;
  int64_t timestamp_ms_ = 0;
  size_t end_ = 0;

  std::string_view metric_;  // of the last line, whatever became of it
  size_t labels_ = 0;        // pairs of this line
  std::array<std::string_view, kMaxLabels> values_;
  // The last line with pairs: its names, and the places of the label set in order, where 0 is the
  // metric's name and i + 1 is pair i.
  size_t names_count_ = 0;
  std::array<Name, kMaxLabels> names_;
  std::array<uint8_t, kMaxLabels + 1> order_;

  std::string normalised_;
  Labels decoded_;
};

}  // namespace narthex
