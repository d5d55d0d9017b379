#include "core/metrics/consistency.h"

#include <algorithm>

#include "core/base/string_map.h"
#include "core/strings/quote.h"

namespace narthex {
namespace {

std::string Quoted(std::string_view text) { return GoQuote(text); }

std::string_view TypeName(MetricType type) {
  switch (type) {
    case MetricType::kCounter: return "Counter";
    case MetricType::kGauge: return "Gauge";
    case MetricType::kUntyped: return "Untyped";
    case MetricType::kSummary: return "Summary";
    case MetricType::kHistogram: return "Histogram";
    case MetricType::kGaugeHistogram: return "GaugeHistogram";
  }
  return "?";
}

bool IsCompound(MetricType type) {
  return type == MetricType::kSummary || type == MetricType::kHistogram ||
         type == MetricType::kGaugeHistogram;
}

std::string_view LowerTypeName(MetricType type) {
  return type == MetricType::kSummary ? "summary" : "histogram";
}

// Upstream's order: number of labels, label values, then (to bring duplicates together) label names
// and timestamps.
std::strong_ordering CompareSamples(const MetricSample& a, const MetricSample& b) {
  if (auto c = a.labels.size() <=> b.labels.size(); c != 0) return c;
  for (size_t i = 0; i < a.labels.size(); ++i) {
    if (auto c = a.labels[i].value <=> b.labels[i].value; c != 0) return c;
  }
  if (auto c = a.timestamp_ms <=> b.timestamp_ms; c != 0) return c;
  for (size_t i = 0; i < a.labels.size(); ++i) {
    if (auto c = a.labels[i].name <=> b.labels[i].name; c != 0) return c;
  }
  return std::strong_ordering::equal;
}

void SortAndDeduplicate(MetricFamily* family, std::vector<std::string>* errors) {
  auto& samples = family->samples;
  const auto less = [](const MetricSample& a, const MetricSample& b) {
    return CompareSamples(a, b) < 0;
  };
  if (!std::is_sorted(samples.begin(), samples.end(), less)) {
    std::stable_sort(samples.begin(), samples.end(), less);
  }
  size_t kept = 0;
  for (size_t i = 0; i < samples.size(); ++i) {
    if (kept > 0 && CompareSamples(samples[kept - 1], samples[i]) == 0) {
      errors->push_back(fmt::format(
          "collected metric {} {{ {}}} was collected before with the same name and label values",
          Quoted(family->name), DescribeSample(family->type, samples[i])));
      continue;
    }
    if (kept != i) samples[kept] = std::move(samples[i]);
    ++kept;
  }
  samples.resize(kept);
}

// Drops samples that are wrong in themselves.
void DropInvalid(MetricFamily* family, std::vector<std::string>* errors) {
  std::erase_if(family->samples, [&](const MetricSample& s) {
    for (size_t i = 0; i < s.labels.size(); ++i) {
      const auto& label = s.labels[i];
      if (i > 0 && label.name == s.labels[i - 1].name) {
        errors->push_back(
            fmt::format("collected metric {} {{ {}}} has two or more labels with the same name: {}",
                        Quoted(family->name), DescribeSample(family->type, s), label.name));
        return true;
      }
      if (!IsValidUtf8Text(label.value)) {
        errors->push_back(fmt::format(
            "collected metric {} {{ {}}} has a label named {} whose value is not utf8: {}",
            Quoted(family->name), DescribeSample(family->type, s), Quoted(label.name),
            GoQuote(label.value)));
        return true;
      }
      if (label.name.empty() || !IsValidUtf8Text(label.name)) {
        errors->push_back(fmt::format("collected metric {} {{ {}}} has an invalid label name",
                                      Quoted(family->name), DescribeSample(family->type, s)));
        return true;
      }
      if (family->type == MetricType::kSummary && label.name == "quantile") {
        errors->push_back(
            fmt::format("collected metric {} {{ {}}} must not have an explicit \"quantile\" label",
                        Quoted(family->name), DescribeSample(family->type, s)));
        return true;
      }
    }
    return false;
  });
}

using FamilyIndex = StringMap<size_t>;

// x_count against a histogram or summary x (and the other way round): both would expose x_count.
std::string SuffixCollision(const FamilyIndex& index, const std::vector<MetricFamily>& families,
                            const MetricFamily& family) {
  const std::string& name = family.name;
  for (std::string_view suffix : {"_count", "_sum", "_bucket"}) {
    if (!name.ends_with(suffix)) continue;
    const auto it = index.find(std::string_view(name).substr(0, name.size() - suffix.size()));
    if (it == index.end() || !IsCompound(families[it->second].type)) continue;
    if (suffix == "_bucket" && families[it->second].type == MetricType::kSummary) continue;
    return fmt::format("collected metric named {} collides with previously collected {} named {}",
                       Quoted(name), LowerTypeName(families[it->second].type), Quoted(it->first));
  }
  if (!IsCompound(family.type)) return "";
  for (std::string_view suffix : {"_count", "_sum", "_bucket"}) {
    if (suffix == "_bucket" && family.type == MetricType::kSummary) continue;
    const std::string other = fmt::format("{}{}", name, suffix);
    if (!index.contains(other)) continue;
    return fmt::format("collected {} named {} collides with previously collected metric named {}",
                       LowerTypeName(family.type), Quoted(name), Quoted(other));
  }
  return "";
}

// False, with an error for each sample, when `next` contradicts what was collected under its name.
bool Agrees(const MetricFamily& have, const MetricFamily& next, std::vector<std::string>* errors) {
  if (have.help == next.help && have.type == next.type) return true;
  for (const MetricSample& s : next.samples) {
    const std::string sample = DescribeSample(next.type, s);
    errors->push_back(have.help != next.help
                          ? fmt::format("collected metric {} {} has help {} but should have {}",
                                        next.name, sample, Quoted(next.help), Quoted(have.help))
                          : fmt::format("collected metric {} {} should be a {}", next.name, sample,
                                        TypeName(have.type)));
  }
  return false;
}

}  // namespace

std::string JoinErrors(const std::vector<std::string>& errors) {
  if (errors.size() == 1) return errors[0];
  std::string text = fmt::format("{} error(s) occurred:", errors.size());
  for (const std::string& error : errors) text += "\n* " + error;
  return text;
}

std::string DescribeSample(MetricType type, const MetricSample& s) {
  std::string out;
  for (const MetricLabel& label : s.labels) {
    out += fmt::format("label:{{name:{} value:{}}} ", Quoted(label.name), Quoted(label.value));
  }
  switch (type) {
    case MetricType::kCounter: out += fmt::format("counter:{{value:{}}}", s.value); break;
    case MetricType::kGauge: out += fmt::format("gauge:{{value:{}}}", s.value); break;
    case MetricType::kUntyped: out += fmt::format("untyped:{{value:{}}}", s.value); break;
    case MetricType::kSummary:
    case MetricType::kHistogram:
    case MetricType::kGaugeHistogram:
      out += fmt::format("{}:{{sample_count:{} sample_sum:{}}}", LowerTypeName(type),
                         s.sample_count, s.sample_sum);
      break;
  }
  if (s.timestamp_ms.has_value()) out += fmt::format(" timestamp_ms:{}", *s.timestamp_ms);
  return out;
}

Registry::Gathered MergeFamilies(std::vector<MetricFamily> families) {
  Registry::Gathered result;
  FamilyIndex index;
  for (MetricFamily& family : families) {
    if (family.samples.empty()) continue;
    if (const auto it = index.find(family.name); it != index.end()) {
      MetricFamily& have = result.families[it->second];
      if (!Agrees(have, family, &result.errors)) continue;
      std::move(family.samples.begin(), family.samples.end(), std::back_inserter(have.samples));
      continue;
    }
    if (family.name.empty() || !IsValidUtf8Text(family.name)) {
      result.errors.push_back(fmt::format("descriptor is invalid: {} is not a valid metric name",
                                          GoQuote(family.name)));
      continue;
    }
    if (auto error = SuffixCollision(index, result.families, family); !error.empty()) {
      result.errors.push_back(std::move(error));
      continue;
    }
    index.emplace(family.name, result.families.size());
    result.families.push_back(std::move(family));
  }
  for (MetricFamily& family : result.families) {
    DropInvalid(&family, &result.errors);
    SortAndDeduplicate(&family, &result.errors);
  }
  std::erase_if(result.families, [](const MetricFamily& f) { return f.samples.empty(); });
  std::sort(result.families.begin(), result.families.end(),
            [](const MetricFamily& a, const MetricFamily& b) { return a.name < b.name; });
  return result;
}

}  // namespace narthex
