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
    for (const auto& [name, value] : map_.items) order.push_back(name);
    std::stable_partition(order.begin(), order.end(), [](const auto& n) { return n == "alertname"; });
    auto pairs = std::make_shared<Pairs>(map_, order);
    methods_["String"] = Constant(Value(pairs->ToText()));
    methods_["SortedPairs"] = Constant(Share(std::move(pairs)));
    methods_["Names"] = Constant(Value::StringList(Column(map_, order, true)));
    methods_["Values"] = Constant(Value::StringList(Column(map_, order, false)));
    methods_["Remove"] = {"l", [this](Args a) -> StatusOr<Value> {
                            Map rest = map_;
                            for (const Value& name : *a[0].list()) rest.items.erase(tmpl::ToText(name));
                            return Share(std::make_shared<Kv>(std::move(rest)));
                          }};
  }
  std::string type_name() const override { return "template.KV"; }
  std::string ToText() const override { return tmpl::ToText(Value(map_)); }
  const Map* AsMap() const override { return &map_; }

 private:
  Map map_;
};

Value MakeKv(const Labels& labels) {
  Map map;
  map.zero = Value("");
  for (const Label& label : labels) map.items[std::string(label.name)] = Value(label.value);
  return Share(std::make_shared<Kv>(std::move(map)));
}

Value MakeAlert(const Alert& alert, int64_t now) {
  auto time = [](const Time& t) { return tmpl::MakeTime(t.is_set() ? t.nanos : 0); };
  return Struct::Make("template.Alert",
                      {{"Status", Value(alert.ResolvedAt(now) ? "resolved" : "firing")},
                       {"Labels", MakeKv(alert.labels)},
                       {"Annotations", MakeKv(alert.annotations)},
                       {"StartsAt", time(alert.starts_at)},
                       {"EndsAt", time(alert.ends_at)},
                       {"GeneratorURL", Value(alert.generator_url)},
                       {"Fingerprint", Value(FingerprintText(alert.fingerprint()))}});
}

class Alerts final : public Methods {
 public:
  Alerts(const std::vector<AlertPtr>& alerts, int64_t now) {
    List firing, resolved;
    for (const AlertPtr& alert : alerts) {
      list_.push_back(MakeAlert(*alert, now));
      (alert->ResolvedAt(now) ? resolved : firing).push_back(list_.back());
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

Value TemplateData(const Notification& n, const std::string& external_url) {
  const bool firing = std::any_of(n.alerts.begin(), n.alerts.end(),
                                  [&](const AlertPtr& alert) { return !alert->ResolvedAt(n.now); });
  return Struct::Make("template.Data",
                      {{"Receiver", Value(QuoteMeta(n.receiver))},
                       {"Status", Value(firing ? "firing" : "resolved")},
                       {"Alerts", Share(std::make_shared<Alerts>(n.alerts, n.now))},
                       {"NotificationReason", Value(ReasonText(n.reason))},
                       {"GroupLabels", MakeKv(n.group_labels)},
                       {"CommonLabels", MakeKv(CommonPairs(n.alerts, &Alert::labels))},
                       {"CommonAnnotations", MakeKv(CommonPairs(n.alerts, &Alert::annotations))},
                       {"RouteLabels", MakeKv(Labels())},
                       {"ExternalURL", Value(external_url)}});
}

}  // namespace narthex::am
