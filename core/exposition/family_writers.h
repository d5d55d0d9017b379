#pragma once
// One family in one format; writer.h picks among them.

#include <string>
#include <string_view>

#include "core/labels/names.h"
#include "core/metrics/registry.h"

namespace narthex {

void AppendTextFamily(const MetricFamily& family, NameEscaping escaping, std::string* out);
void AppendOpenMetricsFamily(const MetricFamily& family, NameEscaping escaping, std::string* out);
void AppendProtobufFamily(const MetricFamily& family, NameEscaping escaping, std::string* out);

// Shared by the two text formats.
enum class QuoteEscape { kNo, kYes };
void AppendEscaped(std::string_view text, QuoteEscape quotes, std::string* out);
// A metric or label name: as it is, or quoted when it is no legacy name.
void AppendName(std::string_view name, std::string* out);
// name{a="1",b="2" or {"näme",a="1" — without the closing brace. *open tells whether a brace is
// open.
void AppendSeriesHead(std::string_view name, const std::vector<MetricLabel>& labels,
                      NameEscaping escaping, bool* open, std::string* out);

// Texts show no sign of a zero.
inline double WithoutMinusZero(double v) { return v + 0.0; }

}  // namespace narthex
