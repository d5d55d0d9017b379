// Checks across the file, defaults that flow from one part to another, and reading it.

#include <openssl/evp.h>

#include <cstring>
#include <set>

#include "alertmanager/config/config.h"
#include "core/base/file.h"
#include "core/strings/quote.h"

namespace narthex::am {
namespace {

constexpr size_t kMaxFileBytes = 16 << 20;

Status CheckReceivers(const Route& route, const std::set<std::string>& names) {
  if (!route.receiver.empty() && !names.contains(route.receiver)) {
    return InvalidArgument("undefined receiver {} used in route", GoQuote(route.receiver));
  }
  for (const Route& child : route.routes) NX_RETURN_IF_ERROR(CheckReceivers(child, names));
  return OkStatus();
}

Status CheckTimeIntervals(const Route& route, const std::set<std::string>& names) {
  for (const auto* list : {&route.mute_time_intervals, &route.active_time_intervals}) {
    for (const std::string& name : *list) {
      if (!names.contains(name)) {
        return InvalidArgument("undefined time interval {} used in route", GoQuote(name));
      }
    }
  }
  for (const Route& child : route.routes) NX_RETURN_IF_ERROR(CheckTimeIntervals(child, names));
  return OkStatus();
}

Status CheckRoot(const Route& root) {
  if (root.receiver.empty()) {
    return InvalidArgument("root route must specify a default receiver");
  }
  if (!root.matchers.empty()) return InvalidArgument("root route must not have any matchers");
  if (!root.mute_time_intervals.empty()) {
    return InvalidArgument("root route must not have any mute time intervals");
  }
  if (!root.active_time_intervals.empty()) {
    return InvalidArgument("root route must not have any active time intervals");
  }
  if (root.proceed) return InvalidArgument("cannot have continue in root route");
  return OkStatus();
}

// The bytes that upstream's config hash metric shows: the first six of the MD5, little-endian.
double ConfigHash(std::string_view text) {
  unsigned char digest[EVP_MAX_MD_SIZE] = {};
  unsigned int size = 0;
  EVP_Digest(text.data(), text.size(), digest, &size, EVP_md5(), nullptr);
  uint64_t value = 0;
  std::memcpy(&value, digest, 6);
  return static_cast<double>(value);
}

}  // namespace

Status Config::AfterDecode() {
  std::set<std::string> names;
  for (const Receiver& receiver : receivers) {
    if (!names.insert(receiver.name).second) {
      return InvalidArgument("notification config name {} is not unique", GoQuote(receiver.name));
    }
  }
  if (!route.has_value()) return InvalidArgument("no routes provided");
  NX_RETURN_IF_ERROR(CheckRoot(*route));
  NX_RETURN_IF_ERROR(CheckReceivers(*route, names));
  std::set<std::string> intervals;
  for (const auto* list : {&mute_time_intervals, &time_intervals}) {
    for (const NamedTimeInterval& interval : *list) {
      if (interval.name.empty()) {
        return InvalidArgument("missing name in {}",
                               list == &time_intervals ? "time interval" : "mute time interval");
      }
      if (!intervals.insert(interval.name).second) {
        return InvalidArgument("time interval {} is not unique", GoQuote(interval.name));
      }
    }
  }
  return CheckTimeIntervals(*route, intervals);
}

const NamedTimeInterval* Config::FindTimeInterval(std::string_view name) const {
  for (const auto* list : {&mute_time_intervals, &time_intervals}) {
    for (const NamedTimeInterval& interval : *list) {
      if (interval.name == name) return &interval;
    }
  }
  return nullptr;
}

StatusOr<std::shared_ptr<const Config>> LoadConfig(std::string_view text,
                                                   const std::string& directory, LoadPart part) {
  auto config = std::make_shared<Config>();
  NX_ASSIGN_OR_RETURN(const config::NodePtr node, config::ReadDocument(text));
  if (node->is_null()) return InvalidArgument("no route provided in config");
  config::Context context;
  context.set_ignore_refused(part == LoadPart::kRoutes);
  NX_RETURN_IF_ERROR(config::DecodeNode(*node, config.get(), &context));
  config::ResolvePaths(config->global.http, directory);
  for (Receiver& receiver : config->receivers) {
    for (WebhookConfig& webhook : receiver.webhooks) {
      if (!webhook.http.has_value()) webhook.http = config->global.http;
      config::ResolvePaths(*webhook.http, directory);
      webhook.url_file = JoinPath(directory, webhook.url_file);
    }
  }
  for (std::string& pattern : config->templates) pattern = JoinPath(directory, pattern);
  config->text = config::Marshal(*config);
  config->hash = ConfigHash(text);
  return std::shared_ptr<const Config>(std::move(config));
}

StatusOr<std::shared_ptr<const Config>> LoadConfigFile(const std::string& path, LoadPart part) {
  NX_ASSIGN_OR_RETURN(const std::string text, ReadFile(path, kMaxFileBytes));
  const size_t slash = path.rfind('/');
  return LoadConfig(text, slash == std::string::npos ? "" : path.substr(0, slash + 1), part);
}

}  // namespace narthex::am
