#pragma once
// The remote write 1.0 message, prometheus.WriteRequest (proto/remote.proto), read in place: no
// generated classes, nothing is copied, memory does not grow with the message.
//
//   NX_RETURN_IF_ERROR(CheckWriteRequest(message));          // all of it is sound
//   ForEachSeries(message, [](std::string_view series) {     // a TimeSeries
//     ForEachField(series, TimeSeriesField::kSample, [](std::string_view m) { ReadSample(m); …
//
// Thread safety: functions only.

#include <string_view>

#include "core/base/clock.h"
#include "core/base/status.h"
#include "core/exposition/pb_reader.h"
#include "core/histogram/histogram.h"
#include "core/labels/labels.h"

namespace narthex::remote {

enum class TimeSeriesField : uint32_t { kLabel = 1, kSample = 2, kExemplar = 3, kHistogram = 4 };

// Walks the whole message, all levels. The error has the text that Go's generated reader gives.
Status CheckWriteRequest(std::string_view message);

// ---- Below, messages have passed CheckWriteRequest. ----

// Calls f with each field of that number; f returns false to stop, and so does the walk.
template <typename F>
bool ForEachField(std::string_view message, uint32_t number, F f) {
  for (PbReader r(message); r.Next();) {
    if (r.field() == number && !f(r.Bytes())) return false;
  }
  return true;
}
template <typename F>
bool ForEachField(std::string_view series, TimeSeriesField number, F f) {
  return ForEachField(series, static_cast<uint32_t>(number), f);
}
template <typename F>
bool ForEachSeries(std::string_view message, F f) {
  return ForEachField(message, 1, f);
}

struct SampleMessage {
  TimestampMs timestamp = 0;
  double value = 0;
};
struct ExemplarMessage {
  TimestampMs timestamp = 0;
  double value = 0;
};
struct HistogramMessage {
  TimestampMs timestamp = 0;
  bool is_float = false;  // which of the two is filled in
  IntHistogram integer;
  FloatHistogram floating;
};

Label ReadLabel(std::string_view message);
SampleMessage ReadSample(std::string_view message);
// Without its labels, which are fields 1.
ExemplarMessage ReadExemplar(std::string_view message);
// Spans and buckets as they are: not validated. ResourceExhausted when a histogram has more buckets
// than any storage takes.
Status ReadHistogram(std::string_view message, HistogramMessage* out);

}  // namespace narthex::remote
