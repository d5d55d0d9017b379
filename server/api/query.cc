// query, query_range and what helps to write queries.
#include "core/strings/numbers.h"
#include "core/strings/quote.h"
#include "server/api/ast_json.h"
#include "server/api/impl.h"
#include "server/api/params.h"
#include "server/api/query_stats.h"

namespace narthex::api {
namespace {

constexpr int64_t kMaxPoints = 11'000;
constexpr size_t kMaxAnnotations = 10;

// The ones that fit and a line that counts the others.
std::vector<std::string> Cap(std::vector<std::string> texts, std::string_view kind) {
  if (texts.size() <= kMaxAnnotations) return texts;
  const size_t more = texts.size() - kMaxAnnotations;
  texts.resize(kMaxAnnotations);
  texts.push_back(fmt::format("{} more {} annotations omitted", more, kind));
  return texts;
}

// Of an expression as the parser gives it.
void CollectSelectors(promql::Expr& expr, std::vector<std::vector<Matcher>>* out) {
  if (expr.kind == promql::ExprKind::kVectorSelector) {
    out->push_back(expr.As<promql::VectorSelector>().matchers);
  } else if (expr.kind == promql::ExprKind::kMatrixSelector) {
    out->push_back(expr.As<promql::MatrixSelector>().selector->matchers);
  }
  promql::ForEachChild(expr, [out](promql::ExprPtr& child) { CollectSelectors(*child, out); });
}

void WriteExemplars(DataWriter& out,
                    const std::vector<storage::ExemplarQueryable::SeriesExemplars>& all) {
  JsonWriter& json = out.json();
  json.BeginArray();
  for (const auto& series : all) {
    json.BeginObject().Key("seriesLabels");
    WriteLabels(json, series.series);
    json.Key("exemplars").BeginArray();
    for (const storage::Exemplar& e : series.exemplars) {
      json.BeginObject().Key("labels");
      WriteLabels(json, e.labels);
      std::string value, time;
      AppendApiFloat(&value, e.value);
      AppendTimestamp(&time, e.timestamp);
      json.Key("value").String(value).Key("timestamp").Raw(time).EndObject();
    }
    json.EndArray().EndObject();
    if (!out.Breathe()) return;
  }
  json.EndArray();
}

void WriteMatrix(DataWriter& out, const std::vector<promql::Series>& matrix) {
  JsonWriter& json = out.json();
  PointWriter points(matrix.size());
  json.BeginArray();
  for (const promql::Series& series : matrix) {
    json.BeginObject().Key("metric");
    WriteLabels(json, series.metric);
    std::string& buffer = out.buffer();
    if (!series.points.empty()) {
      json.Key("values").Raw("[");
      points.Append(&buffer, series.points, [&out] { out.Breathe(); });
      buffer.push_back(']');
    }
    if (!series.histograms.empty()) {
      json.Key("histograms").Raw("[");
      for (const promql::HistogramPoint& p : series.histograms) {
        if (&p != series.histograms.data()) buffer.push_back(',');
        AppendHistogramPoint(&buffer, p.t, *p.histogram);
        out.Breathe();
      }
      buffer.push_back(']');
    }
    json.EndObject();
    if (!out.Breathe()) return;
  }
  json.EndArray();
}

void WriteVector(DataWriter& out, const std::vector<promql::VectorSample>& vector) {
  JsonWriter& json = out.json();
  json.BeginArray();
  for (const promql::VectorSample& sample : vector) {
    json.BeginObject().Key("metric");
    WriteLabels(json, sample.metric);
    json.Key(sample.histogram ? "histogram" : "value").Raw("");
    if (sample.histogram) {
      AppendHistogramPoint(&out.buffer(), sample.t, *sample.histogram);
    } else {
      AppendPoint(&out.buffer(), sample.t, sample.v);
    }
    json.EndObject();
    if (!out.Breathe()) return;
  }
  json.EndArray();
}

void WriteResult(DataWriter& out, const promql::QueryResult& result) {
  JsonWriter& json = out.json();
  const double seconds = static_cast<double>(result.scalar.t) / 1000;
  switch (result.type) {
    case promql::ValueType::kVector: return WriteVector(out, result.vector);
    case promql::ValueType::kMatrix: return WriteMatrix(out, result.matrix);
    case promql::ValueType::kScalar:  // unlike samples, never with an exponent
      json.BeginArray().Double(seconds).String(FormatFloatF(result.scalar.v, -1)).EndArray();
      return;
    case promql::ValueType::kString:
      json.BeginArray().Double(seconds).String(result.string).EndArray();
      return;
    case promql::ValueType::kNone: json.Null(); return;
  }
}

// Cuts a vector or matrix to the limit; true when it did.
bool Truncate(promql::QueryResult* result, size_t limit) {
  if (limit == 0) return false;
  if (result->vector.size() > limit) return result->vector.resize(limit), true;
  if (result->matrix.size() > limit) return result->matrix.resize(limit), true;
  return false;
}

// `stats` is what the caller wants of statistics: nothing when empty.
Outcome MakeAnswer(StatusOr<promql::QueryResult> queried, size_t limit, std::string_view stats) {
  if (!queried.ok()) {
    if (queried.status().code() == StatusCode::kInvalidArgument) {
      return BadParameter("query", queried.status());
    }
    return QueryFailure(queried.status());
  }
  auto result = std::make_shared<promql::QueryResult>(*std::move(queried));
  if (Truncate(result.get(), limit)) result->annotations.warnings.emplace_back(kTruncated);
  if (!stats.empty() && stats != "true" && stats != "all") {
    result->annotations.warnings.push_back(
        fmt::format("stats={} is deprecated, use true or all", GoQuote(stats)));
  }
  Answer answer;
  answer.warnings = Cap(std::move(result->annotations.warnings), "warning");
  answer.infos = Cap(std::move(result->annotations.infos), "info");
  answer.data = [result, with_stats = !stats.empty()](DataWriter& out) {
    out.json().BeginObject();
    out.json().Member("resultType", promql::ValueTypeName(result->type)).Key("result");
    WriteResult(out, *result);
    if (with_stats) {
      out.json().Key("stats");
      WriteStats(out.json(), result->stats);
    }
    out.json().EndObject();
  };
  return answer;
}

int64_t ToMs(int64_t nanos) { return nanos / 1'000'000; }

// timeout, lookback_delta, stats and where the query came from.
std::variant<promql::QueryOptions, Failure> ReadOptions(const Call& call) {
  promql::QueryOptions options;
  options.per_step_stats = call.form.Get("stats") == "all";
  if (const auto text = call.form.Get("timeout"); !text.empty()) {
    const auto timeout = ParseDurationNanos(text);
    if (!timeout.ok()) return BadParameter("timeout", timeout.status());
    if (*timeout <= 0) return Failure{"timeout", "query timed out in query execution"};
    options.timeout_ms = std::max<int64_t>(1, ToMs(*timeout));  // zero is the engine's own
  }
  if (const auto text = call.form.Get("lookback_delta"); !text.empty()) {
    const auto lookback = ParseDurationNanos(text);
    if (!lookback.ok()) {
      return BadData(
          fmt::format("error parsing lookback delta duration: {}", MessageOf(lookback.status())));
    }
    options.lookback_delta_ms = std::max<int64_t>(0, ToMs(*lookback));
  }
  options.origin = {{"httpRequest.clientIP", HostOf(call.request.remote_address)},
                    {"httpRequest.method", call.request.method},
                    {"httpRequest.path", call.request.path}};
  return options;
}

}  // namespace

Outcome Api::Impl::Query(const Call& call) {
  const auto limit = LimitParam(call.form);
  if (!limit.ok()) return BadData(limit.status());
  const auto time = TimeParam(call.form, "time", options.clock->NowMs());
  if (!time.ok()) return BadData(time.status());
  auto query = ReadOptions(call);
  if (auto* failure = std::get_if<Failure>(&query)) return std::move(*failure);
  CancelWatch::Guard guard(watch, call.request.cancelled);
  auto& query_options = std::get<promql::QueryOptions>(query);
  query_options.cancelled = guard.cancelled();
  return MakeAnswer(
      engine.load()->Instant(*storage.load(), call.form.Get("query"), *time, query_options), *limit,
      call.form.Get("stats"));
}

Outcome Api::Impl::QueryRange(const Call& call) {
  const auto limit = LimitParam(call.form);
  if (!limit.ok()) return BadData(limit.status());
  const auto start = ParseTime(call.form.Get("start"));
  if (!start.ok()) return BadParameter("start", start.status());
  const auto end = ParseTime(call.form.Get("end"));
  if (!end.ok()) return BadParameter("end", end.status());
  if (*end < *start) {
    return BadParameter("end", InvalidArgument("end timestamp must not be before start time"));
  }
  const auto step = ParseDurationNanos(call.form.Get("step"));
  if (!step.ok()) return BadParameter("step", step.status());
  // The two ends of time are further apart than an int64 counts. Of a step its nanoseconds count,
  // although the engine steps in whole milliseconds.
  if (*step > 0 && (static_cast<__int128>(*end) - *start) * 1'000'000 / *step > kMaxPoints) {
    return BadData(
        "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the "
        "query resolution (?step=XX)");
  }
  const int64_t step_ms = ToMs(*step);
  if (step_ms <= 0) {
    return BadParameter("step", InvalidArgument("zero or negative query resolution step widths are "
                                                "not accepted. Try a positive integer"));
  }
  auto query = ReadOptions(call);
  if (auto* failure = std::get_if<Failure>(&query)) return std::move(*failure);
  CancelWatch::Guard guard(watch, call.request.cancelled);
  auto& query_options = std::get<promql::QueryOptions>(query);
  query_options.cancelled = guard.cancelled();
  return MakeAnswer(engine.load()->Range(*storage.load(), call.form.Get("query"), *start, *end,
                                         step_ms, query_options),
                    *limit, call.form.Get("stats"));
}

Outcome Api::Impl::QueryExemplars(const Call& call) {
  const auto start = TimeParam(call.form, "start", kMinTime);
  if (!start.ok()) return BadData(start.status());
  const auto end = TimeParam(call.form, "end", kMaxTime);
  if (!end.ok()) return BadData(end.status());
  if (*end < *start) return BadData("end timestamp must not be before start timestamp");
  auto expr = promql::ParseExpr(call.form.Get("query"), engine.load()->options().parser);
  if (!expr.ok()) return BadData(expr.status());
  std::vector<std::vector<Matcher>> selectors;
  CollectSelectors(**expr, &selectors);
  if (selectors.empty()) return Answer{};
  using Found = std::vector<storage::ExemplarQueryable::SeriesExemplars>;
  StatusOr<Found> found = Found();
  const storage::ExemplarQueryable* source = exemplars.load();
  if (source != nullptr) found = source->SelectExemplars(*start, *end, selectors);
  if (!found.ok()) return QueryFailure(found.status());
  return Answer{[all = *std::move(found)](DataWriter& out) { WriteExemplars(out, all); }, {}, {}};
}

Outcome Api::Impl::FormatQuery(const Call& call) {
  const auto expr = promql::ParseExpr(call.form.Get("query"), engine.load()->options().parser);
  if (!expr.ok()) return BadParameter("query", expr.status());
  return Answer{
      [text = promql::Prettify(**expr)](DataWriter& out) { out.json().String(text); }, {}, {}};
}

Outcome Api::Impl::ParseQuery(const Call& call) {
  auto expr = promql::ParseExpr(call.form.Get("query"), engine.load()->options().parser);
  if (!expr.ok()) return BadParameter("query", expr.status());
  std::shared_ptr<const promql::Expr> tree = *std::move(expr);
  return Answer{[tree](DataWriter& out) { WriteAst(out.json(), *tree); }, {}, {}};
}

}  // namespace narthex::api
