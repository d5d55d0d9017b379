#include "server/api/query_stats.h"

#include "server/api/answer.h"

namespace narthex::api {
namespace {

// A total, and what it is at each step where that is known: [[time,count],…].
void WriteSamples(JsonWriter& json, const std::string& key, int64_t total,
                  const std::vector<int64_t>& by_step, const promql::QueryStats& stats) {
  if (!by_step.empty()) {
    json.Key(key + "PerStep").BeginArray();
    for (size_t i = 0; i < by_step.size(); ++i) {
      std::string time;
      AppendTimestamp(&time, stats.start + static_cast<int64_t>(i) * stats.step_ms);
      json.BeginArray().Raw(time).Int(by_step[i]).EndArray();
    }
    json.EndArray();
  }
  json.Key(key).Int(total);
}

}  // namespace

void WriteStats(JsonWriter& json, const promql::QueryStats& stats) {
  json.BeginObject().Key("timings").BeginObject();
  json.Key("evalTotalTime").Double(stats.eval_total_time);
  json.Key("resultSortTime").Double(stats.result_sort_time);
  json.Key("queryPreparationTime").Double(stats.query_preparation_time);
  json.Key("innerEvalTime").Double(stats.inner_eval_time);
  json.Key("execQueueTime").Double(stats.exec_queue_time);
  json.Key("execTotalTime").Double(stats.exec_total_time);
  json.EndObject().Key("samples").BeginObject();
  WriteSamples(json, "totalQueryableSamples", stats.total_queryable_samples,
               stats.queryable_samples_per_step, stats);
  WriteSamples(json, "samplesRead", stats.samples_read, stats.samples_read_per_step, stats);
  json.Key("peakSamples").Int(stats.peak_samples).EndObject().EndObject();
}

}  // namespace narthex::api
