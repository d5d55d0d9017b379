#pragma once
// Test scripts: data files that load series and state what queries answer.
//
//   load 30s                                  every 30 s from 0 on:
//     foo_total{a="x"} 0+10x4 _ 7 stale       0 10 20 30 40, a gap, 7, a stale marker
//   at 2m sum(foo_total)                      an instant query, and its lines of ResultToText
//     {} 40
//   ordered 2m sort(foo)                      the same, the order counts
//   range 0 2m 1m foo_total                   start, end, step
//     foo_total{a="x"} 0@0 20@60 40@120
//   at 2m rate(foo[1m])                       annotations are lines with "!" in front
//     ! PromQL info: …
//   error 2m foo + on(                        one line: the message
//     1:10: parse error: …
//   clear                                     forgets all series
//
// "#" starts a comment. Values: number, a+bxN and a-bxN (N steps after the first), axN (a, N
// times), _ and _xN (gaps), stale, and native histograms with what differs from zero:
//   {{schema:0 sum:5 count:4 z_bucket:1 z_bucket_w:0.01 offset:-1 buckets:[1 2] n_buckets:[1]
//   custom_values:[1 2] counter_reset_hint:gauge}}
// alone, repeated ({{…}}x3) growing ({{…}}+{{…}}x3) or falling ({{…}}-{{…}}x3).

#include <string>
#include <string_view>
#include <vector>

#include "core/base/status.h"
#include "server/promql/engine/engine.h"
#include "server/promql/testing/memory_storage.h"
#include "server/promql/testing/series_line.h"

namespace narthex::promql {

struct ScriptFailure {
  int line;
  std::string query;
  std::string want;
  std::string got;
};

// Runs a script. An error means the script itself is wrong.
StatusOr<std::vector<ScriptFailure>> RunScript(std::string_view text, const Engine& engine);

// One histogram as in a load block.
StatusOr<FloatHistogram> ParseHistogram(std::string_view text);

// Adds one series as in a load block.
Status LoadSeriesLine(std::string_view line, Repeats repeats, int64_t interval_ms,
                      MemoryStorage* storage);

}  // namespace narthex::promql
