#include "server/cmd/promtool/query.h"

#include <cmath>

#include "core/base/clock.h"
#include "core/json/writer.h"
#include "core/labels/labels.h"
#include "core/strings/numbers.h"
#include "server/cmd/promtool/api_client.h"
#include "server/cmd/promtool/output.h"
#include "server/cmd/promtool/times.h"

namespace narthex::promtool {
namespace {

constexpr int64_t kNanos = 1'000'000'000;
constexpr int64_t kDefaultRangeNanos = 300 * kNanos;
constexpr int64_t kDefaultSteps = 250;
constexpr int64_t kLongAgoNanos = 9999LL * 3600 * kNanos;  // upstream's start of all series

std::string Seconds(int64_t nanos) {
  return FormatFloatF(std::round(static_cast<double>(nanos) / 1e6) / 1000, -1);
}

std::string TimeText(const JsonValue& pair) {
  return FormatFloatF(std::round(pair.items()[0].AsDouble() * 1000) / 1000, -1);
}

std::string MetricText(const JsonValue& metric) {
  LabelsBuilder labels;
  for (const auto& [name, value] : metric.members()) labels.Set(name, value.AsString());
  const Labels built = labels.Build();
  return built.Has(kMetricNameLabel) ? built.ToMetricString() : built.ToString();
}

StatusOr<std::string> NumberText(const JsonValue& value) {
  const std::optional<double> number = ParseFloat(value.AsString());
  if (!number) return InvalidArgument("\"{}\" is no number", value.AsString());
  return FormatFloatF(*number, -1);
}

// (0,1]:3 and so on, by the kind of its ends.
std::string BucketText(const JsonValue& bucket) {
  const auto& b = bucket.items();
  if (b.size() != 4) return "";
  const int64_t ends = b[0].AsInt();
  return fmt::format("{}{},{}{}:{}", ends == 1 || ends == 3 ? '[' : '(', b[1].AsString(),
                     b[2].AsString(), ends == 0 || ends == 3 ? ']' : ')', b[3].AsString());
}

std::string HistogramText(const JsonValue& histogram) {
  std::string buckets;
  for (const JsonValue& bucket : histogram["buckets"].items()) {
    if (!buckets.empty()) buckets.push_back(' ');
    buckets.append(BucketText(bucket));
  }
  const auto six = [](const JsonValue& v) {
    return FormatFloatF(ParseFloat(v.AsString()).value_or(0), 6);
  };
  return fmt::format("Count: {}, Sum: {}, Buckets: [{}]", six(histogram["count"]),
                     six(histogram["sum"]), buckets);
}

// "1 @[1.5]"; a number or a histogram.
StatusOr<std::string> PointText(const JsonValue& pair) {
  if (pair.items().size() != 2) return InvalidArgument("a sample that is no pair");
  const JsonValue& value = pair.items()[1];
  if (value.is_object()) return fmt::format("{} @[{}]", HistogramText(value), TimeText(pair));
  NX_ASSIGN_OR_RETURN(const std::string number, NumberText(value));
  return fmt::format("{} @[{}]", number, TimeText(pair));
}

StatusOr<std::string> VectorText(const JsonValue& result) {
  std::string out;
  for (const JsonValue& sample : result.items()) {
    const bool is_float = sample.Has("value");
    NX_ASSIGN_OR_RETURN(const std::string point,
                        PointText(sample[is_float ? "value" : "histogram"]));
    if (!out.empty()) out.push_back('\n');
    out.append(MetricText(sample["metric"])).append(" => ").append(point);
  }
  return out;
}

StatusOr<std::string> MatrixText(const JsonValue& result) {
  std::string out;
  for (const JsonValue& series : result.items()) {
    if (!out.empty()) out.push_back('\n');
    out.append(MetricText(series["metric"])).append(" =>");
    for (const char* kind : {"values", "histograms"}) {
      for (const JsonValue& pair : series[kind].items()) {
        NX_ASSIGN_OR_RETURN(const std::string point, PointText(pair));
        out.append("\n").append(point);
      }
    }
  }
  return out;
}

Status WritePoint(JsonWriter& json, const JsonValue& pair) {
  if (pair.items().size() != 2) return InvalidArgument("a sample that is no pair");
  json.BeginArray().Raw(TimeText(pair));
  const JsonValue& value = pair.items()[1];
  if (value.is_object()) {
    json.BeginObject().Member("count", value["count"].AsString());
    json.Member("sum", value["sum"].AsString()).Key("buckets").BeginArray();
    for (const JsonValue& bucket : value["buckets"].items()) {
      json.BeginArray();
      for (const JsonValue& part : bucket.items()) {
        if (part.is_number()) {
          json.Int(part.AsInt());
        } else {
          json.String(part.AsString());
        }
      }
      json.EndArray();
    }
    json.EndArray().EndObject();
  } else {
    NX_ASSIGN_OR_RETURN(const std::string number, NumberText(value));
    json.String(number);
  }
  json.EndArray();
  return OkStatus();
}

void WriteMetric(JsonWriter& json, const JsonValue& metric) {
  json.BeginObject();
  for (const auto& [name, value] : metric.members()) json.Member(name, value.AsString());
  json.EndObject();
}

Status WriteSeries(JsonWriter& json, const JsonValue& series) {
  json.BeginObject().Key("metric");
  WriteMetric(json, series["metric"]);
  for (const char* kind : {"value", "histogram"}) {
    if (!series.Has(kind)) continue;
    json.Key(kind);
    NX_RETURN_IF_ERROR(WritePoint(json, series[kind]));
  }
  for (const char* kind : {"values", "histograms"}) {
    if (!series.Has(kind)) continue;
    json.Key(kind).BeginArray();
    for (const JsonValue& pair : series[kind].items()) NX_RETURN_IF_ERROR(WritePoint(json, pair));
    json.EndArray();
  }
  json.EndObject();
  return OkStatus();
}

// For a segment of a path: everything but letters, digits and -_.~ by its code.
std::string EscapeSegment(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       std::string_view("-_.~").find(c) != std::string_view::npos;
    if (plain) {
      out.push_back(c);
    } else {
      out.append(fmt::format("%{:02X}", static_cast<unsigned char>(c)));
    }
  }
  return out;
}

void Warn(const std::vector<std::string>& warnings) {
  for (const std::string& text : warnings) {
    std::fprintf(stderr, "query warning: %s\n", text.c_str());
  }
}

int QueryError(const Status& status) { return Fail(Annotate(status, "query error")); }

// Asks and prints; `print` makes text of "data". Of lists an empty one is no line.
template <typename Print>
int Ask(const QueryTarget& target, std::string_view path, const http::Params& params,
        const Headers* post_headers, Print print, bool lines_only = false) {
  auto api = ApiClient::Create(target.url, target.http_config_file);
  if (!api.ok()) return Fail(api.status());
  const auto body = post_headers != nullptr ? (*api)->Post(path, params, *post_headers)
                                            : (*api)->Get(path, params);
  if (!body.ok()) return QueryError(body.status());
  std::vector<std::string> warnings;
  const auto data = DataOf(*body, &warnings);
  if (!data.ok()) return QueryError(data.status());
  const StatusOr<std::string> text = print(*data);
  if (!text.ok()) return QueryError(text.status());
  if (lines_only && text->empty()) {
    Warn(warnings);
    return kOk;
  }
  Output().Print("{}\n", *text);
  Warn(warnings);
  return kOk;
}

// Start and end of series and labels.
StatusOr<std::pair<int64_t, int64_t>> SeriesRange(const std::string& start,
                                                  const std::string& end) {
  const int64_t now = Clock::System().NowNanos();
  std::pair<int64_t, int64_t> range = {now - kLongAgoNanos, now};
  if (!start.empty()) {
    auto time = ParseTime(start);
    if (!time.ok()) return Annotate(time.status(), "error parsing start time");
    range.first = *time;
  }
  if (!end.empty()) {
    auto time = ParseTime(end);
    if (!time.ok()) return Annotate(time.status(), "error parsing end time");
    range.second = *time;
  }
  return range;
}

StatusOr<Headers> ReadHeaders(const std::vector<std::string>& texts) {
  Headers headers;
  for (const std::string& text : texts) {
    const size_t equals = text.find('=');
    if (equals == std::string::npos) {
      return InvalidArgument("promtool: error: expected KEY=VALUE got '{}', try --help", text);
    }
    headers.emplace_back(text.substr(0, equals), text.substr(equals + 1));
  }
  return headers;
}

void AddRange(http::Params* params, const std::pair<int64_t, int64_t>& range) {
  params->Add("start", Seconds(range.first));
  params->Add("end", Seconds(range.second));
}

}  // namespace

StatusOr<std::string> FormatQueryData(const JsonValue& data) {
  const std::string& type = data["resultType"].AsString();
  const JsonValue& result = data["result"];
  if (type == "vector") return VectorText(result);
  if (type == "matrix") return MatrixText(result);
  if (result.items().size() != 2) return InvalidArgument("unexpected value type \"{}\"", type);
  if (type == "string") return result.items()[1].AsString();
  NX_ASSIGN_OR_RETURN(const std::string point, PointText(result));
  return "scalar: " + point;
}

StatusOr<std::string> QueryDataAsJson(const JsonValue& data) {
  const std::string& type = data["resultType"].AsString();
  const JsonValue& result = data["result"];
  std::string out;
  JsonWriter json(&out);
  if (type == "vector" || type == "matrix") {
    json.BeginArray();
    for (const JsonValue& series : result.items()) NX_RETURN_IF_ERROR(WriteSeries(json, series));
    json.EndArray();
    return out;
  }
  if (result.items().size() != 2) return InvalidArgument("unexpected value type \"{}\"", type);
  if (type == "string") {
    json.BeginArray().Raw(TimeText(result)).String(result.items()[1].AsString()).EndArray();
    return out;
  }
  NX_RETURN_IF_ERROR(WritePoint(json, result));
  return out;
}

int QueryInstant(const QueryTarget& target, const std::string& expression, const std::string& time,
                 const std::vector<std::string>& header_texts) {
  int64_t at = Clock::System().NowNanos();
  if (!time.empty()) {
    const auto given = ParseTime(time);
    if (!given.ok()) return Fail(Annotate(given.status(), "error parsing evaluation time"));
    at = *given;
  }
  http::Params form;
  form.Add("query", expression);
  form.Add("time", Seconds(at));
  const auto headers = ReadHeaders(header_texts);
  if (!headers.ok()) return Fail(headers.status());
  return Ask(target, "query", form, &*headers, target.json ? QueryDataAsJson : FormatQueryData);
}

int QueryRange(const QueryTarget& target, const RangeArguments& arguments) {
  int64_t end = Clock::System().NowNanos();
  if (!arguments.end.empty()) {
    const auto given = ParseTime(arguments.end);
    if (!given.ok()) return Fail(Annotate(given.status(), "error parsing end time"));
    end = *given;
  }
  int64_t start = end - kDefaultRangeNanos;
  if (!arguments.start.empty()) {
    const auto given = ParseTime(arguments.start);
    if (!given.ok()) return Fail(Annotate(given.status(), "error parsing start time"));
    start = *given;
  }
  if (start >= end) return Fail(InvalidArgument("start time is not before end time"));
  int64_t step = arguments.step_ms * 1'000'000;
  if (step == 0) step = std::max<int64_t>((end - start) / kDefaultSteps / kNanos, 1) * kNanos;
  const auto headers = ReadHeaders(arguments.headers);
  if (!headers.ok()) return Fail(headers.status());
  http::Params form;
  form.Add("query", arguments.expression);
  AddRange(&form, {start, end});
  form.Add("step", Seconds(step));
  return Ask(target, "query_range", form, &*headers,
             target.json ? QueryDataAsJson : FormatQueryData);
}

int QuerySeries(const QueryTarget& target, const std::vector<std::string>& selectors,
                const std::string& start, const std::string& end) {
  const auto range = SeriesRange(start, end);
  if (!range.ok()) return Fail(range.status());
  http::Params form;
  for (const std::string& selector : selectors) form.Add("match[]", selector);
  AddRange(&form, *range);
  const Headers none;
  return Ask(
      target, "series", form, &none,
      [&](const JsonValue& data) -> StatusOr<std::string> {
        std::string out;
        JsonWriter json(&out);
        if (target.json) json.BeginArray();
        for (const JsonValue& metric : data.items()) {
          if (target.json) {
            WriteMetric(json, metric);
            continue;
          }
          LabelsBuilder labels;
          for (const auto& [name, value] : metric.members()) labels.Set(name, value.AsString());
          if (!out.empty()) out.push_back('\n');
          out.append(labels.Build().ToString());
        }
        if (target.json) json.EndArray();
        return out;
      },
      !target.json);
}

int QueryLabels(const QueryTarget& target, const std::string& name,
                const std::vector<std::string>& selectors, const std::string& start,
                const std::string& end) {
  const auto range = SeriesRange(start, end);
  if (!range.ok()) return Fail(range.status());
  http::Params query;
  for (const std::string& selector : selectors) query.Add("match[]", selector);
  AddRange(&query, *range);
  const std::string path = "label/" + EscapeSegment(name) + "/values";
  return Ask(
      target, path, query, nullptr,
      [&](const JsonValue& data) -> StatusOr<std::string> {
        std::string out;
        JsonWriter json(&out);
        if (target.json) json.BeginArray();
        for (const JsonValue& value : data.items()) {
          if (target.json) {
            json.String(value.AsString());
          } else {
            if (!out.empty()) out.push_back('\n');
            out.append(value.AsString());
          }
        }
        if (target.json) json.EndArray();
        return out;
      },
      !target.json);
}

}  // namespace narthex::promtool
