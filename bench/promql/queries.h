#pragma once
// What query_bench asks.

#include <string>
#include <vector>

namespace narthex::bench {

// The aims: so many times as fast at the median as Prometheus and as VictoriaMetrics.
enum class QueryClass {
  kOneSeries,  // 1 and 1
  kRaw,        // raw matrices and counts by name: 4 and 4
  kInstant,    // other instant queries: 1 and 1
  kRange,      // 8 and 2
};

struct BenchQuery {
  std::string name;
  QueryClass query_class;
  bool instant;
  std::string expression;  // RANGE stands for the whole span of the data
};

std::vector<BenchQuery> BenchQueries();

}  // namespace narthex::bench
