#include "server/promql/testing/result_text.h"

#include "core/strings/numbers.h"
#include "core/strings/quote.h"

namespace narthex::promql {

std::string ResultToText(const QueryResult& result) {
  switch (result.type) {
    case ValueType::kScalar: return FormatFloat(result.scalar.v) + "\n";
    case ValueType::kString: return GoQuote(result.string) + "\n";
    default: break;
  }
  std::string out;
  for (const VectorSample& s : result.vector) {
    out += s.metric.ToMetricString() + " " +
           (s.histogram ? ToString(*s.histogram) : FormatFloat(s.v)) + "\n";
  }
  for (const Series& s : result.matrix) {
    out += s.metric.ToMetricString();
    for (const Point& p : s.points) {
      out += " " + FormatFloat(p.v) + "@" + FormatFloat(static_cast<double>(p.t) / 1000);
    }
    for (const HistogramPoint& p : s.histograms) {
      out += " " + ToString(*p.histogram) + "@" + FormatFloat(static_cast<double>(p.t) / 1000);
    }
    out += "\n";
  }
  return out;
}

}  // namespace narthex::promql
