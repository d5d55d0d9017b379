#include "kube_state_metrics/custom/generator.h"

#include <algorithm>

#include "core/log/log.h"
#include "kube_state_metrics/custom/path.h"
#include "kube_state_metrics/families/label_text.h"

namespace narthex::ksm::custom {
namespace {

using LabelMap = std::map<std::string, std::string>;

struct Value {
  LabelMap labels;
  double value = 0;
};

// Labels read off an object. "*x" copies a map under its own keys, "x*" under x and its keys.
class LabelPaths {
 public:
  explicit LabelPaths(const std::map<std::string, PathText>& paths) {
    for (const auto& [name, path] : paths) paths_.emplace_back(name, *Path::Compile(path));
  }

  void AddTo(LabelMap* labels, const Json& object) const {
    // Copies first, so that labels with a name of their own win. "*" sorts before letters.
    for (const auto& [name, path] : paths_) {
      const Json& found = path.Get(object);
      if (found.is_null()) continue;
      if (name.starts_with('*')) {
        Copy(labels, "", found);
      } else if (name.ends_with('*')) {
        Copy(labels, name.substr(0, name.size() - 1), found);
      } else {
        (*labels)[SanitizeLabelName(name)] = PrintValue(found);
      }
    }
  }

 private:
  static void Copy(LabelMap* labels, const std::string& prefix, const Json& map) {
    for (const auto& [key, value] : map.members()) {
      (*labels)[SanitizeLabelName(prefix + key)] = PrintValue(value);
    }
  }

  std::vector<std::pair<std::string, Path>> paths_;
};

// One metric, ready to run.
class Compiled {
 public:
  Compiled(const ResourceConfig& resource, const Metric& metric, const GroupVersionKind& kind,
           int64_t verbosity)
      : each_(metric.each),
        path_(*Path::Compile(metric.each.path)),
        value_from_(*Path::Compile(metric.each.value_from)),
        each_labels_(metric.each.labels_from_path),
        resource_labels_(resource.labels_from_path),
        metric_labels_(metric.labels_from_path),
        common_(resource.common_labels),
        log_errors_(verbosity >= std::max(resource.error_log_v, metric.error_log_v)),
        name_(metric.name) {
    for (const auto& [name, value] : metric.common_labels) common_[name] = value;
    common_["customresource_group"] = kind.group;
    common_["customresource_version"] = kind.version;
    common_["customresource_kind"] = kind.kind;
  }

  void Generate(const Json& object, SeriesSink& out) const {
    LabelMap base = common_;
    resource_labels_.AddTo(&base, object);
    metric_labels_.AddTo(&base, object);
    for (Value& value : Values(path_.Get(object))) {
      value.labels.insert(base.begin(), base.end());  // those of the value win
      const std::vector<Label> labels(value.labels.begin(), value.labels.end());
      out.Add(labels, value.value);
    }
  }

 private:
  std::vector<Value> Values(const Json& at) const {
    std::vector<Value> values;
    switch (each_.type) {
      case FamilyType::kInfo: AddInfos(at, &values); break;
      case FamilyType::kStateSet: AddStates(at, &values); break;
      default: AddGauges(at, &values);
    }
    std::ranges::sort(values, {}, &Value::labels);
    return values;
  }

  void AddGauges(const Json& at, std::vector<Value>* values) const {
    if (at.is_object()) {
      for (const auto& [key, member] : at.members()) {
        const std::string* single = value_from_.SingleMember();
        auto value = single != nullptr && *single == key ? Number(member) : Gauge(member);
        if (!value) continue;
        if (!each_.label_from_key.empty() && !key.empty()) {
          value->labels[each_.label_from_key] = key;
        }
        each_labels_.AddTo(&value->labels, member);
        each_labels_.AddTo(&value->labels, at);  // from the level above as well
        values->push_back(*std::move(value));
      }
      return;
    }
    const auto add = [&](const Json& item) {
      auto value = Gauge(item);
      if (!value) return;
      each_labels_.AddTo(&value->labels, item);
      values->push_back(*std::move(value));
    };
    if (!at.is_array()) return add(at);
    for (const Json& item : at.items()) add(item);
  }

  // The number valueFrom leads to; nullopt when it leads nowhere or to none.
  std::optional<Value> Gauge(const Json& item) const { return Number(value_from_.Get(item)); }

  std::optional<Value> Number(const Json& found) const {
    if (found.is_null()) return each_.nil_is_zero ? std::optional(Value{}) : std::nullopt;
    if (const auto number = NumberOf(found)) return Value{{}, *number};
    Complain("value is no number", found);
    return std::nullopt;
  }

  void AddInfos(const Json& at, std::vector<Value>* values) const {
    const auto add = [&](const Json& item) {
      Value value{.labels = {}, .value = 1};
      if (!item.is_null()) each_labels_.AddTo(&value.labels, item);
      if (!value.labels.empty()) values->push_back(std::move(value));
    };
    if (at.is_array()) {
      for (const Json& item : at.items()) add(item);
      return;
    }
    add(at);
    if (each_.label_from_key.empty()) return;
    for (const auto& [key, member] : at.members()) {
      if (!key.empty()) values->push_back({.labels = {{each_.label_from_key, key}}, .value = 1});
    }
  }

  void AddStates(const Json& at, std::vector<Value>* values) const {
    if (at.is_null()) return;
    if (!at.is_array()) return AddStatesOf(at, values);
    for (const Json& item : at.items()) AddStatesOf(item, values);
  }

  void AddStatesOf(const Json& item, std::vector<Value>* values) const {
    const Json& state = value_from_.Get(item);
    if (state.is_null()) return;
    if (!state.is_string()) return Complain("state is no text", state);
    for (const std::string& entry : each_.list) {
      Value value{.labels = {{each_.label_name, entry}},
                  .value = state.AsString() == entry ? 1.0 : 0.0};
      each_labels_.AddTo(&value.labels, item);
      values->push_back(std::move(value));
    }
  }

  void Complain(std::string_view what, const Json& found) const {
    static LogLimiter limiter(1000);
    int64_t suppressed = 0;
    if (!log_errors_ || !limiter.Allow(&suppressed)) return;
    NX_LOG(Error, what, {"metric", name_}, {"found", PrintValue(found).substr(0, 200)},
           {"suppressed", suppressed});
  }

  const Each each_;
  const Path path_, value_from_;
  const LabelPaths each_labels_, resource_labels_, metric_labels_;
  LabelMap common_;
  const bool log_errors_;
  const std::string name_;
};

}  // namespace

std::shared_ptr<const FamilySet> MakeCustomFamilies(const ResourceConfig& resource,
                                                    const GroupVersionKind& kind,
                                                    const FamilyFilter& filter, int64_t verbosity) {
  const std::string prefix = resource.metric_name_prefix.value_or("kube_customresource");
  std::vector<Family> families;
  for (const Metric& metric : resource.metrics) {
    const auto compiled = std::make_shared<const Compiled>(resource, metric, kind, verbosity);
    Family family;
    family.name = prefix.empty() ? metric.name : prefix + "_" + metric.name;
    family.help = metric.help;
    family.type = metric.each.type;
    family.generate = [compiled](const Json& object, SeriesSink& out) {
      compiled->Generate(object, out);
    };
    if (filter.IsOn(family)) families.push_back(std::move(family));
  }
  return std::make_shared<FamilySet>([](const Json&) { return OwnedLabels{}; },
                                     std::move(families));
}

}  // namespace narthex::ksm::custom
