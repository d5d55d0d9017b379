#include "core/exposition/writer.h"

#include <cmath>

#include "core/exposition/family_writers.h"

namespace narthex {

void AppendFamily(const MetricFamily& family, const OutputFormat& format, std::string* out) {
  if (family.samples.empty()) return;
  switch (format.format) {
    case ExpositionFormat::kText004:
    case ExpositionFormat::kText100: return AppendTextFamily(family, format.escaping, out);
    case ExpositionFormat::kOpenMetrics001:
    case ExpositionFormat::kOpenMetrics100:
      return AppendOpenMetricsFamily(family, format.escaping, out);
    case ExpositionFormat::kProtobuf: return AppendProtobufFamily(family, format.escaping, out);
  }
}

void AppendTrailer(const OutputFormat& format, std::string* out) {
  if (format.format == ExpositionFormat::kOpenMetrics001 ||
      format.format == ExpositionFormat::kOpenMetrics100) {
    out->append("# EOF\n");
  }
}

std::string WriteFamilies(std::span<const MetricFamily> families, const OutputFormat& format) {
  std::string out;
  for (const MetricFamily& family : families) AppendFamily(family, format, &out);
  AppendTrailer(format, &out);
  return out;
}

}  // namespace narthex
