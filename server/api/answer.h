#pragma once
// What an endpoint yields, and how it becomes the API's envelope:
//
//   {"status":"success","data":…,"warnings":[…],"infos":[…]}
//   {"status":"error","errorType":"bad_data","error":"…"}
//
// Data is written straight into the response: small answers go out as one body, large ones in
// chunks while they are written, so that a matrix of millions of points needs no second copy.

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/base/status.h"
#include "core/histogram/histogram.h"
#include "core/http/server.h"
#include "core/json/writer.h"
#include "core/labels/labels.h"
#include "core/strings/numbers.h"
#include "server/promql/engine/result.h"

namespace narthex::api {

// The writer an endpoint writes its data with.
class DataWriter {
 public:
  explicit DataWriter(http::ResponseWriter& response) : response_(response), json_(&buffer_) {}

  JsonWriter& json() { return json_; }
  // Raw access to the output, for the hot loops; commas are the caller's affair.
  std::string& buffer() { return buffer_; }
  // To be called between elements of long lists: sends what has piled up. False when the client
  // is gone and writing on is pointless.
  bool Breathe();
  // The rest. Nothing may be written after it.
  void Finish();

 private:
  http::ResponseWriter& response_;
  std::string buffer_;
  JsonWriter json_;
  bool streaming_ = false;
  bool gone_ = false;
};

struct Answer {
  std::function<void(DataWriter&)> data;  // left empty: 204, without a body
  std::vector<std::string> warnings, infos;
};

struct Failure {
  std::string_view type;  // "bad_data", "timeout", …
  std::string message;
};

using Outcome = std::variant<Answer, Failure>;

Failure BadData(std::string message);
Failure BadData(const Status& status);
// invalid parameter "name": …
Failure BadParameter(std::string_view name, const Status& status);
// What a failed query or storage call becomes.
Failure QueryFailure(const Status& status);
Failure Unavailable(std::string message);

// The warning of answers that a limit has cut.
inline constexpr std::string_view kTruncated = "results truncated due to limit";

int HttpStatusOf(std::string_view error_type);
void WriteOutcome(const Outcome& outcome, http::ResponseWriter& response);

// Shared shapes. In labels, unlike elsewhere, upstream leaves <, > and & alone.
void WriteLabels(JsonWriter& json, const Labels& labels);
void WriteStrings(JsonWriter& json, const std::vector<std::string>& strings);
// Milliseconds as seconds: 1.250, 3; never an exponent.
void AppendTimestamp(std::string* out, TimestampMs ms);
// [1.250,"0.5"]
void AppendHistogramPoint(std::string* out, TimestampMs t, const FloatHistogram& h);
void AppendPoint(std::string* out, TimestampMs t, double v);

// Timestamps of seconds that mostly begin with the same digits. Not thread-safe.
class TimestampWriter {
 public:
  static constexpr size_t kBytes = 24;
  // Needs kBytes.
  char* Write(char* to, TimestampMs ms);

 private:
  static constexpr TimestampMs kSpan = 1'000'000;  // that share their digits
  TimestampMs begin_ = -kSpan;                     // of the span of the last one
  uint8_t size_ = 0;
  char digits_[16] = {};  // all but three of the seconds
};

// Writes the points of series that mostly share their timestamps, whose texts are kept. Not
// thread-safe.
class PointWriter {
 public:
  // So many series are to come.
  explicit PointWriter(size_t series) : most_texts_(series > 1 ? kMostTexts : 0) {}
  // As AppendPoint of each, with commas between; times ascend. `breathe` is called in between.
  void Append(std::string* out, std::span<const promql::Point> points,
              const std::function<void()>& breathe);

 private:
  static constexpr size_t kMostTexts = 20'000;
  struct Text {
    TimestampMs t;
    uint8_t size;
    char bytes[31];  // ,[1.250,"
  };
  char* Format(char* to, size_t at, const promql::Point& point);
  char* FormatLong(char* to, double v);

  const size_t most_texts_;
  TimestampWriter times_;
  std::vector<Text> texts_;  // of the points of the first series
  // The last value that was not short.
  uint64_t long_bits_ = 0;
  size_t long_size_ = 0;
  char long_text_[kApiFloatBytes];
};
// RFC 3339; Go's zero time for 0.
std::string FormatTime(int64_t unix_nanos);

}  // namespace narthex::api
