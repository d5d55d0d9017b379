#include "server/notifier/alertmanager_urls.h"

#include <algorithm>

#include "core/log/log.h"
#include "core/strings/quote.h"

namespace narthex::notifier {
namespace {

constexpr std::string_view kAddress = "__address__";
constexpr std::string_view kScheme = "__scheme__";
constexpr std::string_view kAlertsPath = "__alerts_path__";

std::string UrlOf(const LabelsBuilder& labels) {
  return fmt::format("{}://{}{}", labels.Get(kScheme), labels.Get(kAddress),
                     labels.Get(kAlertsPath));
}

void AddOnce(std::vector<std::string>* urls, std::string url) {
  if (std::find(urls->begin(), urls->end(), url) == urls->end()) urls->push_back(std::move(url));
}

}  // namespace

std::string AlertsPath(const std::string& path_prefix) {
  std::string path;
  for (std::string_view part : SplitString(path_prefix, '/')) {
    if (part.empty() || part == ".") continue;
    if (part == "..") {
      path.resize(path.empty() ? 0 : path.rfind('/'));
    } else {
      path.append("/").append(part);
    }
  }
  return path + "/api/v2/alerts";
}

StatusOr<std::optional<std::string>> AlertmanagerUrl(const config::AlertmanagerConfig& config,
                                                     std::span<const RelabelRule> rules,
                                                     const Labels& target, const Labels& group,
                                                     std::string* before) {
  LabelsBuilder labels(target);
  for (const Label& label : group) {
    if (!labels.Has(label.name)) labels.Set(label.name, label.value);
  }
  labels.Set(kScheme, config.scheme);
  labels.Set(kAlertsPath, AlertsPath(config.path_prefix));
  *before = UrlOf(labels);
  if (!Relabel(rules, &labels)) return std::optional<std::string>();
  const std::string_view address = labels.Get(kAddress);
  if (address.empty() || address.find('/') != std::string_view::npos) {
    return InvalidArgument("{} is not a valid hostname", GoQuote(address));
  }
  return std::optional<std::string>(UrlOf(labels));
}

Alertmanagers ResolveAlertmanagers(const config::AlertmanagerConfig& config,
                                   std::span<const RelabelRule> rules,
                                   const discovery::TargetGroups& groups) {
  Alertmanagers result;
  std::string before;
  for (const auto& group : groups) {
    for (const Labels& target : group->targets) {
      auto url = AlertmanagerUrl(config, rules, target, group->labels, &before);
      if (!url.ok()) {
        NX_LOG(Error, "Creating alertmanagers failed", {"component", "notifier"},
               {"err", url.status()});
      } else if (url->has_value()) {
        AddOnce(&result.active, **std::move(url));
      } else {
        AddOnce(&result.dropped, before);
      }
    }
  }
  return result;
}

}  // namespace narthex::notifier
