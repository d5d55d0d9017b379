#pragma once
// alertmanager.yml as plain values: decoded strictly, validated, then shared as const.
//
// Upstream knows more receivers and keys than are implemented; those are refused by name, so
// whatever a loaded configuration holds does act.
//
// Thread safety: immutable after Load.

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "alertmanager/matchers/matcher.h"
#include "alertmanager/timeinterval/timeinterval.h"
#include "core/base/status.h"
#include "core/config/http_client.h"
#include "core/config/types.h"

namespace narthex::am {

// A list of texts, each holding one matcher or several; sorted, which group keys depend on.
struct MatcherList {
  Matchers matchers;
};

// Names and expressions; unlike in other maps of texts, a name without one is an error.
struct RegexPairs : std::map<std::string, std::string> {};

struct Route {
  std::string receiver;
  std::vector<std::string> group_by_text;
  std::map<std::string, std::string> match;  // deprecated spellings of matchers
  RegexPairs match_re;
  MatcherList matcher_list;
  std::vector<std::string> mute_time_intervals, active_time_intervals;
  bool proceed = false;  // `continue`
  std::vector<Route> routes;
  std::optional<config::Duration> group_wait, group_interval, repeat_interval;

  // Derived.
  bool has_group_by = false;  // the key was there, maybe empty
  bool group_by_all = false;  // '...'
  std::vector<std::string> group_by;
  Matchers matchers;  // all three spellings, sorted

  void Describe(config::Fields& f);
  Status AfterDecode();
};

struct InhibitRule {
  std::string name;
  std::map<std::string, std::string> source_match, target_match;
  RegexPairs source_match_re, target_match_re;
  MatcherList source_list, target_list;
  std::vector<std::string> equal;

  Matchers source, target;  // derived

  void Describe(config::Fields& f);
  Status AfterDecode();
};

struct WebhookConfig {
  static constexpr std::string_view kNullItemError = "missing webhook config";
  bool send_resolved = true;
  std::optional<http::ClientConfig> http;  // nullopt: the global one
  std::string url;                         // may be a template
  std::string url_file;
  uint64_t max_alerts = 0;
  config::Duration timeout;

  void Describe(config::Fields& f);
  Status AfterDecode();
};

struct Receiver {
  std::string name;
  std::vector<WebhookConfig> webhooks;

  void Describe(config::Fields& f);
  Status AfterDecode();
};

struct NamedTimeInterval {
  std::string name;
  std::vector<TimeInterval> intervals;
  bool deprecated_list = false;  // from mute_time_intervals

  void Describe(config::Fields& f);
};

struct GlobalConfig {
  config::Duration resolve_timeout{300'000};
  http::ClientConfig http;

  void Describe(config::Fields& f);
};

struct Config {
  GlobalConfig global;
  std::optional<Route> route;
  std::vector<InhibitRule> inhibit_rules;
  std::vector<Receiver> receivers;
  std::vector<std::string> templates;
  std::vector<NamedTimeInterval> mute_time_intervals;  // deprecated spelling of time_intervals
  std::vector<NamedTimeInterval> time_intervals;

  // Derived.
  std::string text;  // printed back, defaults in, secrets out
  double hash = 0;   // of the bytes of the file, as the metric shows it

  void Describe(config::Fields& f);
  Status AfterDecode();
  // By name, over both lists.
  const NamedTimeInterval* FindTimeInterval(std::string_view name) const;
};

// kRoutes leaves out the keys that are known upstream and not implemented instead of refusing them:
// for those who look at routes only.
enum class LoadPart { kAll, kRoutes };
StatusOr<std::shared_ptr<const Config>> LoadConfig(std::string_view text,
                                                   const std::string& directory,
                                                   LoadPart part = LoadPart::kAll);
StatusOr<std::shared_ptr<const Config>> LoadConfigFile(const std::string& path,
                                                       LoadPart part = LoadPart::kAll);

// Seconds, Prometheus' defaults of a root route.
inline constexpr int64_t kDefaultGroupWaitMs = 30'000;
inline constexpr int64_t kDefaultGroupIntervalMs = 300'000;
inline constexpr int64_t kDefaultRepeatIntervalMs = 4 * 3'600'000;

}  // namespace narthex::am

namespace narthex::config {

template <>
struct Codec<am::MatcherList> {
  static void Decode(Context& context, const Node& node, am::MatcherList* out);
  static NodePtr Encode(const am::MatcherList& v);
  static bool IsZero(const am::MatcherList& v) { return v.matchers.empty(); }
  static std::string GoType() { return "config.Matchers"; }
};

template <>
struct Codec<am::RegexPairs> : Codec<std::map<std::string, std::string>> {
  static void Decode(Context& context, const Node& node, am::RegexPairs* out);
};

}  // namespace narthex::config
