#include "server/api/answer.h"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cstring>

#include "core/histogram/arithmetic.h"
#include "core/strings/duration.h"
#include "core/strings/numbers.h"
#include "server/promql/engine/engine.h"

namespace narthex::api {
namespace {

// A chunk and the copy that waits for the socket stay below what malloc maps by itself.
constexpr size_t kChunkBytes = 96 << 10;
constexpr size_t kBufferBytes = kChunkBytes + (20 << 10);
constexpr std::string_view kJsonType = "application/json";

struct ErrorKind {
  std::string_view type;
  int status;
};
// "unavailable" is 500 on purpose: 503 is for a server that is not ready at all.
constexpr ErrorKind kErrorKinds[] = {
    {"bad_data", 400}, {"not_found", 404}, {"not_acceptable", 406}, {"execution", 422},
    {"canceled", 499}, {"timeout", 503},   {"internal", 500},       {"unavailable", 500},
};

}  // namespace

bool DataWriter::Breathe() {
  if (gone_) return false;
  if (buffer_.size() < kChunkBytes) {
    if (buffer_.size() > kBufferBytes / 8) buffer_.reserve(kBufferBytes);
    return true;
  }
  streaming_ = true;
  gone_ = !response_.Write(buffer_);
  buffer_.clear();
  return !gone_;
}

void DataWriter::Finish() {
  if (!streaming_) {
    response_.Send(std::move(buffer_));
  } else if (!gone_ && !buffer_.empty()) {
    response_.Write(buffer_);
  }
}

Failure BadData(std::string message) { return {"bad_data", std::move(message)}; }
Failure BadData(const Status& status) { return BadData(std::string(MessageOf(status))); }

Failure BadParameter(std::string_view name, const Status& status) {
  return BadData(fmt::format("invalid parameter \"{}\": {}", name, MessageOf(status)));
}

Failure QueryFailure(const Status& status) {
  return {promql::ApiErrorType(status), std::string(MessageOf(status))};
}

Failure Unavailable(std::string message) { return {"unavailable", std::move(message)}; }

int HttpStatusOf(std::string_view error_type) {
  for (const ErrorKind& kind : kErrorKinds) {
    if (kind.type == error_type) return kind.status;
  }
  return 500;
}

void WriteOutcome(const Outcome& outcome, http::ResponseWriter& response) {
  if (const auto* answer = std::get_if<Answer>(&outcome); answer != nullptr && !answer->data) {
    response.SetStatus(204);
    return;
  }
  response.headers().Set("Content-Type", std::string(kJsonType));
  DataWriter out(response);
  JsonWriter& json = out.json();
  json.BeginObject();
  if (const auto* failure = std::get_if<Failure>(&outcome)) {
    response.SetStatus(HttpStatusOf(failure->type));
    json.Member("status", "error").Member("errorType", failure->type);
    json.Member("error", failure->message).EndObject();
    return out.Finish();
  }
  const auto& answer = std::get<Answer>(outcome);
  response.SetStatus(200);
  json.Member("status", "success").Key("data");
  answer.data(out);
  if (!answer.warnings.empty()) {
    json.Key("warnings");
    WriteStrings(json, answer.warnings);
  }
  if (!answer.infos.empty()) {
    json.Key("infos");
    WriteStrings(json, answer.infos);
  }
  json.EndObject();
  out.Finish();
}

void WriteLabels(JsonWriter& json, const Labels& labels) {
  const bool escape = json.EscapeHtml(false);
  json.BeginObject();
  for (const Label& label : labels) json.Member(label.name, label.value);
  json.EndObject();
  json.EscapeHtml(escape);
}

void WriteStrings(JsonWriter& json, const std::vector<std::string>& strings) {
  json.BeginArray();
  for (const std::string& text : strings) json.String(text);
  json.EndArray();
}

namespace {

// .000 to .999
constexpr auto kThousandths = [] {
  std::array<std::array<char, 4>, 1000> table{};
  for (size_t n = 0; n < table.size(); ++n) {
    const auto digit = [n](size_t unit) { return static_cast<char>('0' + n / unit % 10); };
    table[n] = {'.', digit(100), digit(10), digit(1)};
  }
  return table;
}();

// Needs TimestampWriter::kBytes.
char* FormatTimestamp(char* to, TimestampMs ms) {
  if (ms < 0) *to++ = '-';
  const uint64_t magnitude = ms < 0 ? 0 - static_cast<uint64_t>(ms) : static_cast<uint64_t>(ms);
  to = std::to_chars(to, to + TimestampWriter::kBytes - 5, magnitude / 1000).ptr;
  const size_t fraction = magnitude % 1000;
  std::memcpy(to, kThousandths[fraction].data(), 4);
  return fraction == 0 ? to : to + 4;
}

}  // namespace

void AppendTimestamp(std::string* out, TimestampMs ms) {
  char digits[TimestampWriter::kBytes];
  out->append(digits, FormatTimestamp(digits, ms));
}

void AppendPoint(std::string* out, TimestampMs t, double v) {
  out->push_back('[');
  AppendTimestamp(out, t);
  out->append(",\"");
  AppendApiFloat(out, v);
  out->append("\"]");
}

char* TimestampWriter::Write(char* to, TimestampMs ms) {
  constexpr TimestampMs kLargest = TimestampMs{1} << 53;
  if (ms < kSpan || ms > kLargest) return FormatTimestamp(to, ms);
  if (ms < begin_ || ms - begin_ >= kSpan) {
    begin_ = ms / kSpan * kSpan;
    char* const end = std::to_chars(digits_, digits_ + sizeof digits_, ms / kSpan).ptr;
    size_ = static_cast<uint8_t>(end - digits_);
  }
  const auto rest = static_cast<size_t>(ms - begin_);
  std::memcpy(to, digits_, sizeof digits_);
  to += size_;
  std::memcpy(to, kThousandths[rest / 1000].data() + 1, 3);
  to += 3;
  const size_t fraction = rest % 1000;
  std::memcpy(to, kThousandths[fraction].data(), 4);
  return fraction == 0 ? to : to + 4;
}

// A comma, and the point. Series that are not sampled at the times of the first get their texts
// made anew.
char* PointWriter::Format(char* to, size_t at, const promql::Point& point) {
  if (at < texts_.size() && texts_[at].t == point.t) {
    std::memcpy(to, texts_[at].bytes, sizeof texts_[at].bytes);
    to += texts_[at].size;
  } else {
    char* const begin = to;
    *to++ = ',';
    *to++ = '[';
    to = times_.Write(to, point.t);
    *to++ = ',';
    *to++ = '"';
    if (at == texts_.size() && at < most_texts_) {
      Text& added = texts_.emplace_back(Text{point.t, static_cast<uint8_t>(to - begin), {}});
      std::copy(begin, to, added.bytes);
    }
  }
  char* const value = to;
  to = FormatShortDecimal(value, point.v);
  if (to == nullptr) to = FormatLong(value, point.v);
  *to++ = '"';
  *to++ = ']';
  return to;
}

// Such values take long to write, and those that do not change come one behind the other.
char* PointWriter::FormatLong(char* to, double v) {
  if (const auto bits = std::bit_cast<uint64_t>(v); bits != long_bits_) {
    long_bits_ = bits;
    long_size_ = static_cast<size_t>(FormatApiFloat(long_text_, v) - long_text_);
  }
  std::memcpy(to, long_text_, sizeof long_text_);
  return to + long_size_;
}

void PointWriter::Append(std::string* out, std::span<const promql::Point> points,
                         const std::function<void()>& breathe) {
  // Written here first: a string that grows looks at its capacity for each piece.
  char buffer[8 << 10];
  constexpr size_t kPointBytes = sizeof(Text::bytes) + kApiFloatBytes + 2;
  char* to = buffer;
  if (texts_.empty()) texts_.reserve(std::min(points.size(), most_texts_));
  size_t at = 0;  // of the text that is as late as the point
  for (size_t i = 0; i < points.size(); ++i) {
    while (at < texts_.size() && texts_[at].t < points[i].t) ++at;
    if (static_cast<size_t>(buffer + sizeof buffer - to) < kPointBytes) {
      out->append(buffer, to);
      to = buffer;
      breathe();
    }
    char* const begin = to;
    to = Format(to, at, points[i]);
    if (i == 0) to = std::copy(begin + 1, to, begin);  // no comma
  }
  out->append(buffer, to);
}

// [time,{"count":"3","sum":"4","buckets":[[0,"1","2","3"]]}]; the first number of a bucket tells
// which bounds belong to it: 0 the upper, 1 the lower, 2 neither, 3 both.
void AppendHistogramPoint(std::string* out, TimestampMs t, const FloatHistogram& h) {
  const auto quoted = [out](std::string_view before, double v) {
    out->append(before).push_back('"');
    AppendApiFloat(out, v);
    out->push_back('"');
  };
  out->push_back('[');
  AppendTimestamp(out, t);
  quoted(",{\"count\":", h.count);
  quoted(",\"sum\":", h.sum);
  std::string_view before = ",\"buckets\":[[";
  for (const CountedBucket& b : AllBuckets(h)) {
    if (b.count == 0) continue;
    out->append(before);
    out->push_back(b.lower_inclusive ? (b.upper_inclusive ? '3' : '1')
                                     : (b.upper_inclusive ? '0' : '2'));
    quoted(",", b.lower);
    quoted(",", b.upper);
    quoted(",", b.count);
    out->push_back(']');
    before = ",[";
  }
  if (before == ",[") out->push_back(']');
  out->append("}]");
}

std::string FormatTime(int64_t unix_nanos) {
  return unix_nanos == 0 ? "0001-01-01T00:00:00Z" : FormatRfc3339Nanos(unix_nanos);
}

}  // namespace narthex::api
