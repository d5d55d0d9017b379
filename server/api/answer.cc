#include "server/api/answer.h"

#include <algorithm>
#include <charconv>
#include <cstring>

#include "core/histogram/arithmetic.h"
#include "core/strings/duration.h"
#include "core/strings/numbers.h"
#include "server/promql/engine/engine.h"

namespace narthex::api {
namespace {

constexpr size_t kChunkBytes = 256 << 10;
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
  if (buffer_.size() < kChunkBytes) return true;
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
  json.BeginObject();
  for (const Label& label : labels) json.Member(label.name, label.value);
  json.EndObject();
}

void WriteStrings(JsonWriter& json, const std::vector<std::string>& strings) {
  json.BeginArray();
  for (const std::string& text : strings) json.String(text);
  json.EndArray();
}

void AppendTimestamp(std::string* out, TimestampMs ms) {
  char digits[24];
  if (ms < 0) out->push_back('-');
  const uint64_t magnitude = ms < 0 ? 0 - static_cast<uint64_t>(ms) : static_cast<uint64_t>(ms);
  out->append(digits, std::to_chars(digits, digits + sizeof digits, magnitude / 1000).ptr);
  const auto fraction = static_cast<int>(magnitude % 1000);
  if (fraction == 0) return;
  const char tail[] = {'.', static_cast<char>('0' + fraction / 100),
                       static_cast<char>('0' + fraction / 10 % 10),
                       static_cast<char>('0' + fraction % 10)};
  out->append(tail, sizeof tail);
}

void AppendPoint(std::string* out, TimestampMs t, double v) {
  out->push_back('[');
  AppendTimestamp(out, t);
  out->append(",\"");
  AppendApiFloat(out, v);
  out->append("\"]");
}

void PointWriter::Append(std::string* out, TimestampMs t, double v) {
  while (at_ < texts_.size() && texts_[at_].t < t) ++at_;
  if (at_ == texts_.size()) {
    if (at_ == kMostTexts) return AppendPoint(out, t, v);
    std::string text = "[";
    AppendTimestamp(&text, t);
    text += ",\"";
    Text& added = texts_.emplace_back(Text{t, static_cast<uint8_t>(text.size()), {}});
    std::copy(text.begin(), text.end(), added.bytes);
  } else if (texts_[at_].t != t) {
    return AppendPoint(out, t, v);
  }
  const Text& text = texts_[at_++];
  char buffer[sizeof text.bytes + kApiFloatBytes + 2];
  std::memcpy(buffer, text.bytes, sizeof text.bytes);
  char* end = FormatApiFloat(buffer + text.size, v);
  *end++ = '"';
  *end++ = ']';
  out->append(buffer, end);
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
