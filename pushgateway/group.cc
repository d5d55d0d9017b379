#include "pushgateway/group.h"

#include <algorithm>

#include "core/base/check.h"
#include "core/base/string_map.h"
#include "core/exposition/families.h"
#include "core/exposition/writer.h"

namespace narthex::pushgateway {
namespace {

std::vector<MetricLabel> SampleLabels(const Grouping& grouping) {
  std::vector<MetricLabel> labels;
  bool instance = false;
  for (const auto& [name, value] : grouping) {
    labels.push_back({name, value});
    instance |= name == "instance";
  }
  if (!instance) labels.push_back({"instance", ""});
  std::sort(labels.begin(), labels.end());
  return labels;
}

MetricFamily TimeFamily(std::string_view name, std::string_view help, const Group& group,
                        int64_t value_ns) {
  MetricFamily family{
      .name = std::string(name), .help = std::string(help), .type = MetricType::kGauge};
  MetricSample& sample = family.samples.emplace_back();
  sample.labels = SampleLabels(group.labels);
  sample.value = static_cast<double>(value_ns) / 1e9;
  return family;
}

}  // namespace

StoredFamily::StoredFamily(int64_t pushed_ns, const MetricFamily& family)
    : pushed_ns_(pushed_ns), type_(family.type), samples_(family.samples.size()) {
  auto packed = std::make_shared<std::string>();
  AppendFamily(family,
               {.format = ExpositionFormat::kProtobuf, .escaping = NameEscaping::kAllowUtf8},
               packed.get());
  packed->shrink_to_fit();
  packed_ = std::move(packed);
}

StatusOr<StoredFamily> StoredFamily::FromPacked(int64_t pushed_ns, std::string_view packed) {
  NX_ASSIGN_OR_RETURN(auto families, ParseProtobufFamilies(packed));
  if (families.size() != 1) return DataLoss("damaged metric family");
  return StoredFamily(pushed_ns, families[0]);
}

MetricFamily StoredFamily::Unpack() const {
  auto families = ParseProtobufFamilies(*packed_);
  NX_CHECK(families.ok() && families->size() == 1);  // this process wrote it
  return std::move((*families)[0]);
}

MetricFamily PushTimeFamily(const Group& group) {
  return TimeFamily(kPushTime,
                    "Last Unix time when changing this group in the Pushgateway succeeded.", group,
                    group.success.value_ns);
}

MetricFamily PushFailureTimeFamily(const Group& group) {
  return TimeFamily(kPushFailureTime,
                    "Last Unix time when changing this group in the Pushgateway failed.", group,
                    group.failure.value_ns);
}

std::vector<MetricFamily> Relabel(std::vector<MetricFamily> families, const Grouping& grouping) {
  std::vector<MetricFamily> out;
  StringMap<size_t> position;
  for (MetricFamily& family : families) {
    if (family.name == kPushTime || family.name == kPushFailureTime) continue;
    if (family.samples.empty()) continue;
    for (MetricSample& sample : family.samples) {
      std::erase_if(sample.labels, [&](const MetricLabel& l) { return grouping.contains(l.name); });
      bool instance = grouping.contains("instance");
      for (const MetricLabel& label : sample.labels) instance |= label.name == "instance";
      for (const auto& [name, value] : grouping) sample.labels.push_back({name, value});
      if (!instance) sample.labels.push_back({"instance", ""});
      std::sort(sample.labels.begin(), sample.labels.end());
      sample.labels.shrink_to_fit();
    }
    const auto [it, added] = position.try_emplace(family.name, out.size());
    if (added) {
      out.push_back(std::move(family));
    } else {
      out[it->second] = std::move(family);
    }
  }
  return out;
}

}  // namespace narthex::pushgateway
