#include "node_exporter/collector.h"

#include <algorithm>

#include "core/strings/quote.h"

namespace narthex::node {
namespace {

std::string Join(std::string_view base, std::string_view name) {
  std::string path(base);
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  if (!path.ends_with('/') && !name.starts_with('/')) path += '/';
  if (path.ends_with('/') && name.starts_with('/')) name.remove_prefix(1);
  return path.append(name);
}

constexpr std::string_view kNoData = "collector returned no data";

}  // namespace

std::string Paths::Proc(std::string_view name) const { return Join(procfs, name); }
std::string Paths::Sys(std::string_view name) const { return Join(sysfs, name); }
std::string Paths::Root(std::string_view name) const { return Join(rootfs, name); }

std::string Paths::StripRoot(std::string_view path) const {
  if (rootfs == "/" || rootfs.empty() || !path.starts_with(rootfs)) return std::string(path);
  std::string_view rest = path.substr(rootfs.size());
  if (!rest.empty() && rest.front() != '/') return std::string(path);  // /hostile under /host
  return rest.empty() ? "/" : std::string(rest);
}

MetricFamily& Sink::Add(MetricType type, std::string name, std::string help) {
  families_.push_back(std::make_unique<MetricFamily>(
      MetricFamily{.name = std::move(name), .help = std::move(help), .type = type}));
  return *families_.back();
}

void Sink::Gauge(std::string name, std::string help, double value,
                 std::vector<MetricLabel> labels) {
  AddSample(Add(MetricType::kGauge, std::move(name), std::move(help)), value, std::move(labels));
}

void Sink::Counter(std::string name, std::string help, double value,
                   std::vector<MetricLabel> labels) {
  AddSample(Add(MetricType::kCounter, std::move(name), std::move(help)), value, std::move(labels));
}

void Sink::Untyped(std::string name, std::string help, double value) {
  AddSample(Add(MetricType::kUntyped, std::move(name), std::move(help)), value);
}

std::vector<MetricFamily> Sink::Take() {
  std::vector<MetricFamily> out;
  out.reserve(families_.size());
  for (auto& family : families_) {
    if (!family->samples.empty()) out.push_back(std::move(*family));
  }
  families_.clear();
  return out;
}

void AddSample(MetricFamily& family, double value, std::vector<MetricLabel> labels) {
  for (MetricLabel& label : labels) {
    if (!IsValidUtf8Text(label.value)) label.value = ToValidUtf8(label.value);
  }
  if (!std::is_sorted(labels.begin(), labels.end())) std::sort(labels.begin(), labels.end());
  MetricSample& sample = family.samples.emplace_back();
  sample.labels = std::move(labels);
  sample.value = value;
}

Status NoData(std::string_view why) {
  return FailedPrecondition("{}{}{}", kNoData, why.empty() ? "" : ": ", why);
}

bool IsNoData(const Status& status) {
  return status.code() == StatusCode::kFailedPrecondition && MessageOf(status).starts_with(kNoData);
}

}  // namespace narthex::node
