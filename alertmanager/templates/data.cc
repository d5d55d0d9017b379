// Notifications as template values.

#include <algorithm>

#include "alertmanager/notify/payload.h"
#include "alertmanager/templates/templates.h"
#include "core/template/time_value.h"

namespace narthex::am {
namespace {

using tmpl::Function;
using tmpl::List;
using tmpl::Map;
using tmpl::Object;
using tmpl::Struct;
using tmpl::Value;
using Args = std::span<const Value>;

template <typename T>
Value Share(std::shared_ptr<T> object) {
  return Value(std::static_pointer_cast<const Object>(std::move(object)));
}

Function Constant(Value value) {
  return {"", [value = std::move(value)](Args) -> StatusOr<Value> { return value; }};
}

// A named list with methods.
class Methods : public Object {
 public:
  const Function* GetMethod(std::string_view name) const override {
    auto found = methods_.find(name);
    return found == methods_.end() ? nullptr : &found->second;
  }

 protected:
  std::map<std::string, Function, std::less<>> methods_;
};

std::vector<std::string> Column(const Map& map, const std::vector<std::string>& order, bool names) {
  std::vector<std::string> column;
  column.reserve(order.size());
  for (const std::string& name : order) {
    column.push_back(names ? name : ToText(map.items.find(name)->second));
  }
  return column;
}

class Pairs final : public Methods {
 public:
  Pairs(const Map& map, const std::vector<std::string>& order) {
    std::vector<std::string> texts;
    for (const std::string& name : order) {
      const Value& value = map.items.find(name)->second;
      list_.push_back(Struct::Make("template.Pair", {{"Name", Value(name)}, {"Value", value}}));
      text_ += (text_.empty() ? "" : ", ") + name + "=" + tmpl::ToText(value);
    }
    methods_["Names"] = Constant(Value::StringList(Column(map, order, true)));
    methods_["Values"] = Constant(Value::StringList(Column(map, order, false)));
    methods_["String"] = Constant(Value(text_));
  }
  std::string type_name() const override { return "template.Pairs"; }
  std::string ToText() const override { return text_; }
  const List* AsList() const override { return &list_; }

 private:
  List list_;
  std::string text_;
};

// A set of names and values; alertname comes first where they are listed.
class Kv final : public Methods {
 public:
  explicit Kv(Map map) : map_(std::move(map)) {
    map_.type_name = "template.KV";
    std::vector<std::string> order;
    order.reserve(map_.items.size());
    for (const auto& [name, value] : map_.items) order.push_back(name);
    std::stable_partition(order.begin(), order.end(),
                          [](const auto& n) { return n == "alertname"; });
    auto pairs = std::make_shared<Pairs>(map_, order);
    text_ = pairs->ToText();
    methods_["String"] = Constant(Value(text_));
    methods_["SortedPairs"] = Constant(Share(std::move(pairs)));
    methods_["Names"] = Constant(Value::StringList(Column(map_, order, true)));
    methods_["Values"] = Constant(Value::StringList(Column(map_, order, false)));
    methods_["Remove"] = {"l", [this](Args a) -> StatusOr<Value> {
                            Map rest = map_;
                            for (const Value& name : *a[0].list())
                              rest.items.erase(tmpl::ToText(name));
                            return Share(std::make_shared<Kv>(std::move(rest)));
                          }};
  }
  std::string type_name() const override { return "template.KV"; }
  std::string ToText() const override { return text_; }
  const Map* AsMap() const override { return &map_; }

 private:
  Map map_;
  std::string text_;
};

Value MakeKv(const Labels& labels) {
  Map map;
  map.zero = Value("");
  for (const Label& label : labels) map.items[std::string(label.name)] = Value(label.value);
  return Share(std::make_shared<Kv>(std::move(map)));
}

Value MakeAlert(const TemplateInput::Alert& alert) {
  static_assert(Time::kUnset == tmpl::kGoZeroTime);
  return Struct::Make("template.Alert", {{"Status", Value(alert.status)},
                                         {"Labels", MakeKv(alert.labels)},
                                         {"Annotations", MakeKv(alert.annotations)},
                                         {"StartsAt", tmpl::MakeTime(alert.starts_at.nanos)},
                                         {"EndsAt", tmpl::MakeTime(alert.ends_at.nanos)},
                                         {"GeneratorURL", Value(alert.generator_url)},
                                         {"Fingerprint", Value(alert.fingerprint)}});
}

class Alerts final : public Methods {
 public:
  explicit Alerts(const std::vector<TemplateInput::Alert>& alerts) {
    List firing, resolved;
    for (const TemplateInput::Alert& alert : alerts) {
      list_.push_back(MakeAlert(alert));
      if (alert.status == "firing") firing.push_back(list_.back());
      if (alert.status == "resolved") resolved.push_back(list_.back());
    }
    methods_["Firing"] = Constant(Value(std::move(firing)));
    methods_["Resolved"] = Constant(Value(std::move(resolved)));
  }
  std::string type_name() const override { return "template.Alerts"; }
  std::string ToText() const override { return tmpl::ToText(Value(list_)); }
  const List* AsList() const override { return &list_; }

 private:
  List list_;
};

}  // namespace

Value TemplateData(const TemplateInput& input) {
  return Struct::Make("template.Data", {{"Receiver", Value(input.receiver)},
                                        {"Status", Value(input.status)},
                                        {"Alerts", Share(std::make_shared<Alerts>(input.alerts))},
                                        {"NotificationReason", Value(input.reason)},
                                        {"GroupLabels", MakeKv(input.group_labels)},
                                        {"CommonLabels", MakeKv(input.common_labels)},
                                        {"CommonAnnotations", MakeKv(input.common_annotations)},
                                        {"RouteLabels", MakeKv(input.route_labels)},
                                        {"ExternalURL", Value(input.external_url)}});
}

Value TemplateData(const Notification& n, const std::string& external_url) {
  TemplateInput input;
  input.receiver = QuoteMeta(n.receiver);
  input.status = "resolved";
  input.reason = ReasonText(n.reason);
  input.external_url = external_url;
  for (const AlertPtr& alert : n.alerts) {
    const bool resolved = alert->ResolvedAt(n.now);
    if (!resolved) input.status = "firing";
    input.alerts.push_back({resolved ? "resolved" : "firing", alert->labels, alert->annotations,
                            alert->starts_at, alert->ends_at, alert->generator_url,
                            FingerprintText(alert->fingerprint())});
  }
  input.group_labels = n.group_labels;
  input.common_labels = CommonPairs(n.alerts, &Alert::labels);
  input.common_annotations = CommonPairs(n.alerts, &Alert::annotations);
  return TemplateData(input);
}

}  // namespace narthex::am
