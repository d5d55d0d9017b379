#include "server/cmd/promtool/check_metrics.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdio>
#include <map>
#include <set>

#include "core/exposition/families.h"
#include "core/labels/labels.h"
#include "core/strings/quote.h"
#include "server/cmd/promtool/check_rules.h"
#include "server/cmd/promtool/output.h"

namespace narthex::promtool {
namespace {

constexpr size_t kMostBytes = 256 << 20;

// Units and what they are to be given in.
const std::map<std::string_view, std::string_view> kUnits = {
    {"amperes", "amperes"},    {"bytes", "bytes"},     {"celsius", "celsius"},
    {"grams", "grams"},        {"joules", "joules"},   {"kelvin", "kelvin"},
    {"meters", "meters"},      {"metres", "metres"},   {"seconds", "seconds"},
    {"volts", "volts"},        {"minutes", "seconds"}, {"hours", "seconds"},
    {"days", "seconds"},       {"weeks", "seconds"},   {"kelvins", "kelvin"},
    {"fahrenheit", "celsius"}, {"rankine", "celsius"}, {"inches", "meters"},
    {"yards", "meters"},       {"miles", "meters"},    {"bits", "bytes"},
    {"calories", "joules"},    {"pounds", "grams"},    {"ounces", "grams"}};
constexpr std::string_view kPrefixes[] = {"pico", "nano",  "micro", "milli", "centi", "deci",
                                          "deca", "hecto", "kilo",  "kibi",  "mega",  "mibi",
                                          "giga", "gibi",  "tera",  "tebi",  "peta",  "pebi"};
constexpr std::string_view kAbbreviations[] = {"s",  "ms", "us", "ns", "sec", "b", "kb",
                                               "mb", "gb", "tb", "pb", "m",   "h", "d"};
constexpr std::string_view kTypes[] = {"counter", "gauge", "summary", "histogram",
                                       "gauge_histogram"};

bool HasWord(std::string_view name, std::string_view word) {
  const std::string inside = fmt::format("_{}_", word);
  return name.find(inside) != std::string_view::npos ||
         name.ends_with(inside.substr(0, inside.size() - 1));
}

bool IsCamelCase(std::string_view name) {
  for (size_t i = 1; i < name.size(); ++i) {
    if (name[i - 1] >= 'a' && name[i - 1] <= 'z' && name[i] >= 'A' && name[i] <= 'Z') return true;
  }
  return false;
}

class Linter {
 public:
  explicit Linter(const MetricFamily& family) : family_(family) {}

  std::vector<std::string> Run() {
    if (family_.help.empty()) Say("no help text");
    Units();
    Suffixes();
    const std::string lower = Lower(family_.name);
    for (const std::string_view type : kTypes) {
      if (HasWord(lower, type)) Say(fmt::format("metric name should not include type '{}'", type));
    }
    if (family_.name.find(':') != std::string::npos) Say("metric names should not contain ':'");
    if (IsCamelCase(family_.name)) {
      Say("metric names should be written in 'snake_case' not 'camelCase'");
    }
    for (const std::string_view unit : kAbbreviations) {
      if (HasWord(lower, unit)) Say("metric names should not contain abbreviated units");
    }
    LabelNames();
    return {complaints_.begin(), complaints_.end()};
  }

 private:
  static std::string Lower(std::string text) {
    for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return text;
  }

  void Say(std::string_view complaint) {
    complaints_.insert(fmt::format("{} {}", family_.name, complaint));
  }

  void Units() {
    for (const std::string_view word : SplitString(family_.name, '_')) {
      auto unit = kUnits.find(word);
      for (const std::string_view prefix : kPrefixes) {
        if (unit != kUnits.end()) break;
        if (word.starts_with(prefix)) unit = kUnits.find(word.substr(prefix.size()));
      }
      if (unit == kUnits.end()) continue;
      if (unit->second != word) {
        Say(fmt::format("use base unit \"{}\" instead of \"{}\"", unit->second, word));
      }
      return;
    }
  }

  void Suffixes() {
    if (family_.type == MetricType::kUntyped) return;
    const bool total = family_.name.ends_with("_total");
    const bool counter = family_.type == MetricType::kCounter;
    if (counter && !total) Say("counter metrics should have \"_total\" suffix");
    if (!counter && total) Say("non-counter metrics should not have \"_total\" suffix");
    const bool histogram = family_.type == MetricType::kHistogram;
    const bool summary = family_.type == MetricType::kSummary;
    if (!histogram && family_.name.ends_with("_bucket")) {
      Say("non-histogram metrics should not have \"_bucket\" suffix");
    }
    for (const std::string_view suffix : {"_count", "_sum"}) {
      if (histogram || summary || !family_.name.ends_with(suffix)) continue;
      Say(fmt::format("non-histogram and non-summary metrics should not have \"{}\" suffix",
                      suffix));
    }
  }

  void LabelNames() {
    const bool typed = family_.type != MetricType::kUntyped;
    for (const MetricSample& sample : family_.samples) {
      for (const auto& label : sample.labels) {
        if (IsCamelCase(label.name)) {
          Say("label names should be written in 'snake_case' not 'camelCase'");
        }
        if (typed && family_.type != MetricType::kHistogram && label.name == kBucketLabel) {
          Say("non-histogram metrics should not have \"le\" label");
        }
        if (typed && family_.type != MetricType::kSummary && label.name == kQuantileLabel) {
          Say("non-summary metrics should not have \"quantile\" label");
        }
      }
    }
  }

  const MetricFamily& family_;
  std::set<std::string> complaints_;
};

// What one metric of the family is stored as, in series.
size_t SeriesOf(const MetricFamily& family, const MetricSample& sample) {
  switch (family.type) {
    case MetricType::kSummary: return sample.quantiles.size() + 2;
    case MetricType::kHistogram: return sample.buckets.size() + 2;
    default: return 1;
  }
}

}  // namespace

std::vector<std::string> LintMetrics(const std::vector<MetricFamily>& families) {
  std::vector<std::string> all;
  for (const MetricFamily& family : families) {
    const std::vector<std::string> found = Linter(family).Run();
    all.insert(all.end(), found.begin(), found.end());
  }
  std::sort(all.begin(), all.end());
  return all;
}

std::string CardinalityTable(const std::vector<MetricFamily>& families) {
  std::vector<std::pair<std::string, size_t>> rows;
  size_t total = 0;
  for (const MetricFamily& family : families) {
    size_t series = 0;
    for (const MetricSample& sample : family.samples) series += SeriesOf(family, sample);
    rows.emplace_back(family.name, series);
    total += series;
  }
  std::stable_sort(rows.begin(), rows.end(),
                   [](const auto& a, const auto& b) { return a.second > b.second; });
  std::vector<std::array<std::string, 3>> cells = {{"Metric", "Cardinality", "Percentage"}};
  for (const auto& [name, series] : rows) {
    const double share = 100 * static_cast<double>(series) / static_cast<double>(total);
    cells.push_back({name, std::to_string(series), fmt::format("{:.2f}%", share)});
  }
  cells.push_back({"Total", std::to_string(total), "100%"});
  std::array<size_t, 3> widths{};
  for (const auto& row : cells) {
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size() + 4);
  }
  std::string text;
  for (const auto& row : cells) {
    for (size_t i = 0; i < row.size(); ++i) text += fmt::format("{:<{}}", row[i], widths[i]);
    text += '\n';
  }
  return text;
}

int CheckMetrics(bool extended, bool lint) {
  if (!extended && !lint) {
    return Fail(InvalidArgument(
        "error: at least one of --extended or linting must be enabled\n"
        "Use --extended for cardinality analysis, or remove --lint=none to enable linting"));
  }
  std::string text;
  char buffer[64 << 10];
  for (size_t n; (n = std::fread(buffer, 1, sizeof buffer, stdin)) > 0;) {
    text.append(buffer, n);
    if (text.size() > kMostBytes) {
      return Fail(ResourceExhausted("error while linting: the input is too long"));
    }
  }
  const auto families = ParseTextFamilies(text);
  if (!families.ok()) {
    return Fail(InvalidArgument("error while linting: {}", MessageOf(families.status())));
  }
  std::vector<std::string> complaints;
  if (lint) complaints = LintMetrics(*families);
  for (const std::string& complaint : complaints) std::fprintf(stderr, "%s\n", complaint.c_str());
  if (!complaints.empty()) return kLintFailed;
  if (extended) Print(CardinalityTable(*families));
  return kOk;
}

}  // namespace narthex::promtool
