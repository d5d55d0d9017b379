#include "server/remote/write_handler.h"

#include "core/histogram/resolution.h"
#include "core/log/log.h"
#include "core/strings/numbers.h"
#include "server/remote/incoming_labels.h"
#include "server/remote/message_body.h"
#include "server/remote/write_message.h"

namespace narthex::remote {
namespace {

using storage::Appender;
using storage::AppendResult;
using Result = WriteHandler::Result;

constexpr std::string_view kMediaType = "application/x-protobuf";
constexpr std::string_view kMessageV1 = "prometheus.WriteRequest";
constexpr std::string_view kMessageV2 = "io.prometheus.write.v2.Request";
// Of the label set of an exemplar, names and values together (OpenMetrics).
constexpr size_t kMaxExemplarRunes = 128;
// The finest exponential schema there may be.
constexpr int32_t kFinestSchema = 52;

std::string_view Trim(std::string_view s) {
  const auto space = [](char c) { return c == ' ' || (c >= '\t' && c <= '\r'); };
  while (!s.empty() && space(s.front())) s.remove_prefix(1);
  while (!s.empty() && space(s.back())) s.remove_suffix(1);
  return s;
}

bool EqualsIgnoringCase(std::string_view a, std::string_view lower) {
  if (a.size() != lower.size()) return false;
  for (size_t i = 0; i < a.size(); ++i) {
    const char c = a[i] >= 'A' && a[i] <= 'Z' ? static_cast<char>(a[i] + 32) : a[i];
    if (c != lower[i]) return false;
  }
  return true;
}

// Only the first message is understood; whatever else is asked for is refused by name.
Status CheckContentType(std::string_view type) {
  type = Trim(type);
  if (type.empty()) return OkStatus();  // senders of the first days
  size_t at = type.find(';');
  if (type.substr(0, at) != kMediaType) {
    return InvalidArgument("expected {} as the first (media) part, got {} content-type", kMediaType,
                           type);
  }
  while (at != std::string_view::npos) {
    const size_t begin = at + 1;
    at = type.find(';', begin);
    const std::string_view part =
        type.substr(begin, at == std::string_view::npos ? at : at - begin);
    const size_t equals = part.find('=');
    if (equals == std::string_view::npos || part.find('=', equals + 1) != std::string_view::npos) {
      return InvalidArgument(
          "as per https://www.rfc-editor.org/rfc/rfc9110#parameter expected parameters to be "
          "key-values, got {} in {} content-type",
          part, type);
    }
    const std::string_view name = part.substr(0, equals);
    const std::string_view value = part.substr(equals + 1);
    if (Trim(name) == "proto" && Trim(value) == kMessageV2) {
      return InvalidArgument("{} protobuf message is not accepted by this server; accepted [{}]",
                             kMessageV2, kMessageV1);
    }
    // A space before the name makes it another parameter, as it does upstream.
    if (name != "proto") continue;
    if (value == kMessageV1) return OkStatus();
    return InvalidArgument(
        "got {} content type; unknown remote write protobuf message {}, supported: {}, {}", type,
        value, kMessageV1, kMessageV2);
  }
  return OkStatus();
}

size_t CountRunes(std::string_view s) {
  size_t n = 0;
  for (const char c : s) n += (static_cast<uint8_t>(c) & 0xc0) != 0x80;
  return n;
}

// One request on its way into one appender.
class Request {
 public:
  Request(Appender* appender, TimestampMs newest) : appender_(*appender), newest_(newest) {}

  // False when the request has failed; result() says how.
  bool Series(std::string_view series);

  const Result& result() const { return result_; }
  size_t invalid_series() const { return invalid_series_; }
  size_t dropped_exemplars() const { return dropped_exemplars_; }
  // Samples of series that the head has no room for.
  size_t refused() const { return refused_; }
  const std::string& refusal() const { return refusal_; }

 private:
  bool Samples(std::string_view series, const Labels& labels);
  bool Histograms(std::string_view series, const Labels& labels);
  void Exemplars(std::string_view series, const Labels& labels);
  // What became of a sample; `value`: of a float.
  bool Judge(const StatusOr<AppendResult>& result, TimestampMs t, const double* value,
             const Labels& labels);
  bool Fail(int code, std::string message) {
    result_ = {code, std::move(message)};
    return false;
  }

  Appender& appender_;
  const TimestampMs newest_;
  Result result_;
  IncomingLabels incoming_;
  HistogramMessage histogram_;
  size_t invalid_series_ = 0;
  size_t dropped_exemplars_ = 0;
  size_t refused_ = 0;
  std::string refusal_;
};

std::string DuplicateText(const Appender::Conflict& conflict, TimestampMs t, const double* value) {
  std::string text = "duplicate sample for timestamp";
  if (value == nullptr) return text;
  text += fmt::format(" {}; overrides not allowed: existing ", t);
  if (conflict.value.has_value()) {
    AppendExpositionFloat(&text, *conflict.value);
  } else {
    text += "is a histogram";
  }
  text += ", new value ";
  AppendExpositionFloat(&text, *value);
  return text;
}

bool Request::Judge(const StatusOr<AppendResult>& result, TimestampMs t, const double* value,
                    const Labels& labels) {
  if (result.status().code() == StatusCode::kResourceExhausted) {
    // A full head must not stop the samples of the series that it has.
    if (refused_++ == 0) refusal_ = MessageOf(result.status());
    return true;
  }
  if (!result.ok()) {
    const int code = result.status().code() == StatusCode::kUnimplemented     ? 501
                     : result.status().code() == StatusCode::kInvalidArgument ? 400
                                                                              : 503;
    return Fail(code, std::string(MessageOf(result.status())));
  }
  if (*result == AppendResult::kOk) return true;
  const Appender::Conflict conflict = appender_.conflict();
  if (conflict.pending) return true;
  switch (*result) {
    case AppendResult::kDuplicate: Fail(400, DuplicateText(conflict, t, value)); break;
    case AppendResult::kOutOfOrder: Fail(400, "out of order sample"); break;
    case AppendResult::kOutOfBounds: Fail(400, "out of bounds"); break;
    case AppendResult::kTooOld: Fail(400, "too old sample"); break;
    case AppendResult::kOk:
    case AppendResult::kRefused: return Fail(503, "the storage takes no samples now");
  }
  NX_LOG(Debug, "Out of order sample from remote write", {"err", result_.message},
         {"series", labels.ToString()}, {"timestamp", t});
  return false;
}

bool Request::Samples(std::string_view series, const Labels& labels) {
  return ForEachField(series, TimeSeriesField::kSample, [&](std::string_view message) {
    const SampleMessage sample = ReadSample(message);
    if (sample.timestamp > newest_) {
      return Fail(400, "out of bounds: timestamp is too far in the future");
    }
    return Judge(appender_.Append(labels, sample.timestamp, sample.value), sample.timestamp,
                 &sample.value, labels);
  });
}

// Valid, and of a schema that the storage knows: finer ones become its finest.
template <typename Histogram>
Status Normalise(Histogram* h) {
  const int32_t schema = h->schema;
  if (schema <= kMaxExponentialSchema || schema > kFinestSchema) return Validate(*h);
  // What makes a histogram valid does not depend on which exponential schema it has.
  h->schema = kMaxExponentialSchema;
  NX_RETURN_IF_ERROR(Validate(*h));
  h->schema = schema;
  return ReduceResolution(kMaxExponentialSchema, h);
}

bool Request::Histograms(std::string_view series, const Labels& labels) {
  return ForEachField(series, TimeSeriesField::kHistogram, [&](std::string_view message) {
    HistogramMessage& h = histogram_;
    const Status read = ReadHistogram(message, &h);
    if (!read.ok()) return Fail(400, std::string(MessageOf(read)));
    if (h.timestamp > newest_) {
      return Fail(400, "out of bounds: timestamp is too far in the future");
    }
    const Status valid = h.is_float ? Normalise(&h.floating) : Normalise(&h.integer);
    if (!valid.ok()) return Fail(400, std::string(MessageOf(valid)));
    const auto result = h.is_float ? appender_.AppendHistogram(labels, h.timestamp, h.floating)
                                   : appender_.AppendHistogram(labels, h.timestamp, h.integer);
    return Judge(result, h.timestamp, nullptr, labels);
  });
}

void Request::Exemplars(std::string_view series, const Labels& labels) {
  ForEachField(series, TimeSeriesField::kExemplar, [&](std::string_view message) {
    const ExemplarMessage read = ReadExemplar(message);
    IncomingLabels own;
    size_t runes = 0;
    ForEachField(message, 1, [&](std::string_view label) {
      const Label pair = ReadLabel(label);
      runes += CountRunes(pair.name) + CountRunes(pair.value);
      if (runes <= kMaxExemplarRunes) own.Add(pair);
      return runes <= kMaxExemplarRunes;
    });
    bool stored = false;
    if (runes <= kMaxExemplarRunes) {
      own.Finish();
      const storage::Exemplar exemplar{.labels = own.Build(),
                                       .value = read.value,
                                       .timestamp = read.timestamp,
                                       .has_timestamp = true};
      const auto result = appender_.AppendExemplar(labels, exemplar);
      stored = result.ok() && *result == AppendResult::kOk;
    }
    dropped_exemplars_ += !stored;
    return true;
  });
}

bool Request::Series(std::string_view series) {
  incoming_.Clear();
  ForEachField(series, TimeSeriesField::kLabel, [&](std::string_view label) {
    incoming_.Add(ReadLabel(label));
    return true;
  });
  if (incoming_.Finish() != IncomingLabels::Verdict::kOk) {
    if (invalid_series_++ == 0) {
      NX_LOG(Warn, "Invalid labels for series from remote write", {"labels", incoming_.Describe()});
    }
    return true;
  }
  const Labels labels = incoming_.Build();
  if (!Samples(series, labels)) return false;
  Exemplars(series, labels);
  return Histograms(series, labels);
}

}  // namespace

WriteHandler::WriteHandler(storage::Appendable* storage, Registry* registry, const Clock* clock)
    : storage_(storage),
      clock_(clock != nullptr ? clock : &Clock::System()),
      invalid_labels_(registry->AddCounter(
          "prometheus_api_remote_write_invalid_labels_samples_total",
          "The total number of received remote write samples and histogram samples which were "
          "rejected due to invalid labels.")),
      dropped_exemplars_(registry->AddCounter(
          "prometheus_api_remote_write_dropped_exemplars_total",
          "The total number of received exemplars that could not be stored.")) {}

Result WriteHandler::Store(std::string_view message) {
  if (const Status status = CheckWriteRequest(message); !status.ok()) {
    return {400, std::string(MessageOf(status))};
  }
  const std::unique_ptr<Appender> appender = storage_->NewAppender();
  Request request(appender.get(), clock_->NowMs() + kMaxAheadMs);
  const bool taken =
      ForEachSeries(message, [&](std::string_view series) { return request.Series(series); });
  if (!taken) {
    appender->Rollback();
    return request.result();
  }
  invalid_labels_.Add(static_cast<double>(request.invalid_series()));
  if (request.dropped_exemplars() > 0) {
    dropped_exemplars_.Add(static_cast<double>(request.dropped_exemplars()));
    NX_LOG(Warn, "Error on ingesting exemplars from remote write",
           {"num_dropped", request.dropped_exemplars()});
  }
  const Status committed = appender->Commit(/*durable=*/true);
  if (!committed.ok()) {
    return {committed.code() == StatusCode::kUnavailable ? 503 : 500,
            std::string(MessageOf(committed))};
  }
  if (request.refused() > 0) {
    return {400, fmt::format("{} samples of new series refused: {}", request.refused(),
                             request.refusal())};
  }
  return {};
}

Result WriteHandler::Handle(const http::Request& request) {
  const Status type = CheckContentType(request.headers.Get("Content-Type"));
  if (!type.ok()) return {415, std::string(MessageOf(type))};
  const std::string_view encoding = request.headers.Get("Content-Encoding");
  if (!encoding.empty() && !EqualsIgnoringCase(encoding, "snappy")) {
    return {415, fmt::format("{} encoding (compression) is not accepted by this server; only "
                             "snappy is acceptable",
                             encoding)};
  }
  std::string message;
  const Status decoded = DecodeBody(request.body, &message);
  if (!decoded.ok()) return {400, std::string(MessageOf(decoded))};
  return Store(message);
}

void WriteHandler::Serve(const http::Request& request, http::ResponseWriter& response) {
  const Result result = Handle(request);
  if (result.code == 204) {
    response.SetStatus(204);
    return response.Send("");
  }
  NX_LOG(Error, "Error in a remote write request", {"code", result.code}, {"err", result.message});
  response.Error(result.code, result.message);
}

}  // namespace narthex::remote
