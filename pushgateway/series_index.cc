#include "pushgateway/series_index.h"

#include <absl/hash/hash.h>

#include "core/metrics/consistency.h"
#include "core/strings/quote.h"
#include "pushgateway/api.h"

namespace narthex::pushgateway {
namespace {

constexpr size_t kMaxErrors = 100;  // of one push; more would only bloat the answer

uint64_t HashOf(const MetricSample& sample) {
  uint64_t hash = sample.labels.size();
  for (const MetricLabel& label : sample.labels) {
    hash = absl::HashOf(hash, std::string_view(label.name), std::string_view(label.value));
  }
  return hash;
}

bool IsHistogram(MetricType type) {
  return type == MetricType::kHistogram || type == MetricType::kGaugeHistogram;
}
bool IsCompound(MetricType type) { return IsHistogram(type) || type == MetricType::kSummary; }
std::string_view CompoundName(MetricType type) {
  return IsHistogram(type) ? "histogram" : "summary";
}

}  // namespace

void SeriesIndex::Add(const MetricFamily& family) {
  Family& entry = families_[family.name];
  ++entry.types[static_cast<size_t>(family.type)];
  for (const MetricSample& sample : family.samples) ++entry.series[HashOf(sample)];
  series_ += family.samples.size();
}

void SeriesIndex::Remove(const MetricFamily& family) {
  const auto it = families_.find(family.name);
  if (it == families_.end()) return;
  Family& entry = it->second;
  --entry.types[static_cast<size_t>(family.type)];
  for (const MetricSample& sample : family.samples) {
    const auto series = entry.series.find(HashOf(sample));
    if (series != entry.series.end() && --series->second == 0) entry.series.erase(series);
  }
  series_ -= family.samples.size();
  if (entry.types == std::array<uint32_t, 6>{}) families_.erase(it);
}

const SeriesIndex::Family* SeriesIndex::Find(std::string_view name) const {
  const auto it = families_.find(name);
  return it == families_.end() ? nullptr : &it->second;
}

bool SeriesIndex::Known(std::string_view name, MetricType* type) const {
  if (const auto own = own_.find(name); own != own_.end()) return *type = own->second, true;
  const Family* family = Find(name);
  if (family == nullptr) return false;
  for (size_t i = 0; i < family->types.size(); ++i) {
    if (family->types[i] > 0) *type = static_cast<MetricType>(i);
  }
  return true;
}

std::string SeriesIndex::Collision(const MetricFamily& family) const {
  MetricType other{};
  for (std::string_view suffix : {"_count", "_sum", "_bucket"}) {
    const std::string_view name = family.name;
    if (name.ends_with(suffix)) {
      const std::string_view base = name.substr(0, name.size() - suffix.size());
      if (Known(base, &other) && IsCompound(other) && (suffix != "_bucket" || IsHistogram(other))) {
        return fmt::format(
            "collected metric named {} collides with previously collected {} named {}",
            GoQuote(name), CompoundName(other), GoQuote(base));
      }
    }
    if (!IsCompound(family.type) || (suffix == "_bucket" && !IsHistogram(family.type))) continue;
    const std::string suffixed = fmt::format("{}{}", name, suffix);
    if (Known(suffixed, &other)) {
      return fmt::format("collected {} named {} collides with previously collected metric named {}",
                         CompoundName(family.type), GoQuote(name), GoQuote(suffixed));
    }
  }
  return "";
}

std::vector<std::string> SeriesIndex::Check(std::span<const MetricFamily> families) const {
  std::vector<std::string> errors;
  for (const MetricFamily& family : families) {
    if (const auto own = own_.find(family.name); own != own_.end() && own->second != family.type) {
      errors.push_back(fmt::format("gathered metric family {} has type {} but should have {}",
                                   family.name, UpperTypeName(family.type),
                                   UpperTypeName(own->second)));
      continue;
    }
    if (auto collision = Collision(family); !collision.empty()) errors.push_back(collision);
    const Family* have = Find(family.name);
    if (have == nullptr) continue;
    for (size_t i = 0; i < have->types.size(); ++i) {
      const auto type = static_cast<MetricType>(i);
      if (have->types[i] == 0 || type == family.type || family.samples.empty()) continue;
      errors.push_back(fmt::format("collected metric {} {{ {}}} is not a {}", GoQuote(family.name),
                                   DescribeSample(family.type, family.samples[0]),
                                   UpperTypeName(type)));
    }
    for (const MetricSample& sample : family.samples) {
      if (errors.size() >= kMaxErrors) return errors;
      if (!have->series.contains(HashOf(sample))) continue;
      errors.push_back(fmt::format(
          "collected metric {} {{ {}}} was collected before with the same name and label values",
          GoQuote(family.name), DescribeSample(family.type, sample)));
    }
  }
  return errors;
}

}  // namespace narthex::pushgateway
