// What the text and the OpenMetrics writer share: escaping, names, label pairs.
#include "core/exposition/escaped_names.h"
#include "core/exposition/family_writers.h"

namespace narthex {

void AppendEscaped(std::string_view text, QuoteEscape quotes, std::string* out) {
  const char* special = quotes == QuoteEscape::kYes ? "\\\n\"" : "\\\n";
  while (true) {
    size_t at = text.find_first_of(special);
    out->append(text.substr(0, at));
    if (at == std::string_view::npos) return;
    out->push_back('\\');
    out->push_back(text[at] == '\n' ? 'n' : text[at]);
    text.remove_prefix(at + 1);
  }
}

void AppendName(std::string_view name, std::string* out) {
  if (IsLegacyMetricName(name)) {
    out->append(name);
    return;
  }
  out->push_back('"');
  AppendEscaped(name, QuoteEscape::kYes, out);
  out->push_back('"');
}

void AppendSeriesHead(std::string_view name, const std::vector<MetricLabel>& labels,
                      NameEscaping escaping, bool* open, std::string* out) {
  *open = false;
  auto separate = [&] {
    out->push_back(*open ? ',' : '{');
    *open = true;
  };
  if (!name.empty()) {
    if (!IsLegacyMetricName(name)) separate();
    AppendName(name, out);
  }
  std::string scratch;
  for (const MetricLabel& label : labels) {
    separate();
    AppendName(EscapedName(label.name, escaping, &scratch), out);
    out->append("=\"");
    AppendEscaped(EscapedLabelValue(label.name, label.value, escaping, &scratch), QuoteEscape::kYes,
                  out);
    out->push_back('"');
  }
}

}  // namespace narthex
