#include "server/cmd/promtool/range_query.h"

#include <cmath>

#include "core/strings/numbers.h"

namespace narthex::promtool {
namespace {

constexpr double kNanosPerSecond = 1e9;

}  // namespace

StatusOr<std::unique_ptr<RangeQuerier>> RangeQuerier::Create(const std::string& url,
                                                             const std::string& http_config_file) {
  NX_ASSIGN_OR_RETURN(auto api, ApiClient::Create(url, http_config_file));
  return std::unique_ptr<RangeQuerier>(new RangeQuerier(std::move(api)));
}

StatusOr<std::vector<RangeSeries>> RangeQuerier::Query(const std::string& expression,
                                                       int64_t start_nanos, int64_t end_seconds,
                                                       int64_t step_ms) {
  http::Params form;
  form.Add("query", expression);
  form.Add("start", FormatFloatF(static_cast<double>(start_nanos) / kNanosPerSecond, -1));
  form.Add("end", fmt::to_string(end_seconds));
  form.Add("step", FormatFloatF(static_cast<double>(step_ms) / 1000, -1));
  NX_ASSIGN_OR_RETURN(const std::string body, api_->Post("query_range", form));
  return ParseRangeAnswer(body);
}

StatusOr<std::vector<RangeSeries>> ParseRangeAnswer(std::string_view json) {
  NX_ASSIGN_OR_RETURN(const JsonValue data, DataOf(json));
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
