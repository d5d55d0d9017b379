#include "server/cmd/promtool/range_query.h"

#include <cmath>
#include <filesystem>

#include "core/base/file.h"
#include "core/config/http_client.h"
#include "core/flags/flags.h"
#include "core/http/types.h"
#include "core/json/reader.h"
#include "core/strings/numbers.h"

namespace narthex::promtool {
namespace {

constexpr size_t kMaxAnswer = size_t{1} << 30;
constexpr size_t kMaxValues = 100'000'000;
constexpr std::chrono::minutes kTimeout{30};
constexpr double kNanosPerSecond = 1e9;

StatusOr<http::ClientConfig> ReadConfig(const std::string& path) {
  http::ClientConfig config;
  if (path.empty()) return config;
  NX_ASSIGN_OR_RETURN(const std::string text, ReadFile(path, 1 << 20));
  NX_RETURN_IF_ERROR(Annotate(config::Decode(text, &config), path));
  config::ResolvePaths(config, std::filesystem::path(path).parent_path().string());
  return config;
}

Status ErrorOf(const JsonValue& answer) {
  return InvalidArgument("{}: {}", answer["errorType"].AsString(), answer["error"].AsString());
}

}  // namespace

StatusOr<std::unique_ptr<RangeQuerier>> RangeQuerier::Create(const std::string& url,
                                                             const std::string& http_config_file) {
  NX_RETURN_IF_ERROR(http::Url::Parse(url).status());
  std::string base = url;
  while (base.ends_with('/')) base.pop_back();
  std::unique_ptr<RangeQuerier> querier(new RangeQuerier(base + "/api/v1/query_range"));
  http::Client::Options options;
  NX_ASSIGN_OR_RETURN(options.config, ReadConfig(http_config_file));
  options.user_agent = "promtool/" + GetBuildInfo("promtool").version;
  NX_ASSIGN_OR_RETURN(querier->client_, http::Client::Create(querier->runtime_, options));
  return querier;
}

StatusOr<std::vector<RangeSeries>> RangeQuerier::Query(const std::string& expression,
                                                       int64_t start_nanos, int64_t end_seconds,
                                                       int64_t step_ms) {
  http::Params form;
  form.Add("query", expression);
  form.Add("start", FormatFloatF(static_cast<double>(start_nanos) / kNanosPerSecond, -1));
  form.Add("end", fmt::to_string(end_seconds));
  form.Add("step", FormatFloatF(static_cast<double>(step_ms) / 1000, -1));
  http::ClientRequest request;
  request.method = "POST";
  request.url = url_;
  request.headers.Add("Content-Type", "application/x-www-form-urlencoded");
  request.body = form.Encode();
  request.timeout = kTimeout;
  request.max_body_bytes = kMaxAnswer;
  request.decode_gzip = true;
  NX_ASSIGN_OR_RETURN(const http::ClientResponse response, client_->DoBlocking(std::move(request)));
  // Errors of the API come with a body that says more than the status.
  auto series = ParseRangeAnswer(response.body);
  if (!series.ok() && response.status / 100 != 2 && response.status / 100 != 4) {
    return Unavailable("server_error: server error: {}", response.status);
  }
  return series;
}

StatusOr<std::vector<RangeSeries>> ParseRangeAnswer(std::string_view json) {
  NX_ASSIGN_OR_RETURN(const JsonValue answer,
                      ParseJson(json, {.max_bytes = kMaxAnswer, .max_values = kMaxValues}));
  if (answer["status"].AsString() != "success") return ErrorOf(answer);
  const JsonValue& data = answer["data"];
  if (data["resultType"].AsString() != "matrix") {
    return InvalidArgument("rule result is wrong type {}", data["resultType"].AsString());
  }
  std::vector<RangeSeries> out;
  for (const JsonValue& entry : data["result"].items()) {
    RangeSeries& series = out.emplace_back();
    LabelsBuilder labels;
    for (const auto& [name, value] : entry["metric"].members()) labels.Set(name, value.AsString());
    series.labels = labels.Build();
    for (const JsonValue& pair : entry["values"].items()) {
      if (pair.items().size() != 2) return InvalidArgument("a sample that is no pair");
      const std::optional<double> value = ParseFloat(pair.items()[1].AsString());
      if (!value) return InvalidArgument("\"{}\" is no number", pair.items()[1].AsString());
      series.samples.emplace_back(std::llround(pair.items()[0].AsDouble() * 1000), *value);
    }
  }
  return out;
}

}  // namespace narthex::promtool
