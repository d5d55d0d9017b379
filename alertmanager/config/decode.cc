// How every struct of the file is spelled, and the checks that need one struct only.

#include <algorithm>

#include "alertmanager/config/config.h"
#include "core/config/url.h"
#include "core/labels/names.h"
#include "core/strings/quote.h"

namespace narthex::config {

void Codec<am::MatcherList>::Decode(Context& context, const Node& node, am::MatcherList* out) {
  std::vector<std::string> lines;
  Codec<std::vector<std::string>>::Decode(context, node, &lines);
  out->matchers.clear();
  for (const std::string& line : lines) {
    StatusOr<am::Matchers> parsed = am::ParseMatchers(line);
    if (!parsed.ok()) return context.Abort(parsed.status());
    std::move(parsed->begin(), parsed->end(), std::back_inserter(out->matchers));
  }
  std::stable_sort(out->matchers.begin(), out->matchers.end());
}

void Codec<am::RegexPairs>::Decode(Context& context, const Node& node, am::RegexPairs* out) {
  for (const auto& [key, value] : node.members) {
    if (!value->is_null()) continue;
    return context.Abort(InvalidArgument("invalid regexp value for {}", GoQuote(key->value)));
  }
  Codec<std::map<std::string, std::string>>::Decode(context, node, out);
}

NodePtr Codec<am::MatcherList>::Encode(const am::MatcherList& v) {
  std::vector<NodePtr> items;
  for (const am::Matcher& matcher : v.matchers) items.push_back(MakeString(matcher.ToString()));
  return MakeSequence(std::move(items));
}

}  // namespace narthex::config

namespace narthex::am {
namespace {

using config::Fields;
using config::Print;

using Pairs = std::map<std::string, std::string>;

// The deprecated maps and the list as one sorted list.
StatusOr<Matchers> Combine(const Pairs& equal, const Pairs& regex, const MatcherList& list) {
  Matchers all = list.matchers;
  for (const auto& [name, value] : equal) {
    NX_ASSIGN_OR_RETURN(Matcher matcher, Matcher::Create(MatchType::kEqual, name, value));
    all.push_back(std::move(matcher));
  }
  for (const auto& [name, value] : regex) {
    // Upstream anchors the text itself, and the text is part of group keys.
    NX_ASSIGN_OR_RETURN(Matcher matcher,
                        Matcher::Create(MatchType::kRegex, name, "^(?:" + value + ")$"));
    all.push_back(std::move(matcher));
  }
  std::stable_sort(all.begin(), all.end());
  return all;
}

Status CheckNames(std::initializer_list<const Pairs*> maps) {
  for (const Pairs* map : maps) {
    for (const auto& [name, value] : *map) {
      if (!IsLegacyLabelName(name)) return InvalidArgument("invalid label name {}", GoQuote(name));
    }
  }
  return OkStatus();
}

constexpr std::string_view kNotHere = "known to Alertmanager, not implemented here";

}  // namespace

void Route::Describe(Fields& f) {
  f.Type("config.plain", "config.Route");
  f.Field("receiver", receiver);
  if (f.decoding()) has_group_by = f.Has("group_by");
  f.Field("group_by", group_by_text);
  f.Field("match", match);
  f.Field("match_re", match_re);
  f.Field("matchers", matcher_list);
  f.Field("mute_time_intervals", mute_time_intervals);
  f.Field("active_time_intervals", active_time_intervals);
  f.Field("continue", proceed, Print::kAlways);
  f.Field("routes", routes);
  f.Field("group_wait", group_wait);
  f.Field("group_interval", group_interval);
  f.Field("repeat_interval", repeat_interval);
  f.Refuse("labels", kNotHere);
}

Status Route::AfterDecode() {
  NX_RETURN_IF_ERROR(CheckNames({&match, &match_re}));
  for (const std::string& name : group_by_text) {
    if (name == "...") {
      group_by_all = true;
    } else if (!IsValidLabelNameInMode(name)) {
      return InvalidArgument("invalid label name {} in group_by list", GoQuote(name));
    } else if (std::find(group_by.begin(), group_by.end(), name) != group_by.end()) {
      return InvalidArgument("duplicated label {} in group_by", GoQuote(name));
    } else {
      group_by.push_back(name);
    }
  }
  if (group_by_all && !group_by.empty()) {
    return InvalidArgument(
        "cannot have wildcard group_by (`...`) and other labels at the same time");
  }
  std::sort(group_by.begin(), group_by.end());
  if (group_interval.has_value() && group_interval->ms == 0) {
    return InvalidArgument("group_interval cannot be zero");
  }
  if (repeat_interval.has_value() && repeat_interval->ms == 0) {
    return InvalidArgument("repeat_interval cannot be zero");
  }
  NX_ASSIGN_OR_RETURN(matchers, Combine(match, match_re, matcher_list));
  return OkStatus();
}

void InhibitRule::Describe(Fields& f) {
  f.Type("config.plain", "config.InhibitRule");
  f.Field("name", name);
  f.Field("source_match", source_match);
  f.Field("source_match_re", source_match_re);
  f.Field("source_matchers", source_list);
  f.Field("target_match", target_match);
  f.Field("target_match_re", target_match_re);
  f.Field("target_matchers", target_list);
  f.Field("equal", equal);
}

Status InhibitRule::AfterDecode() {
  NX_RETURN_IF_ERROR(
      CheckNames({&source_match, &source_match_re, &target_match, &target_match_re}));
  for (const std::string& label : equal) {
    if (!IsValidLabelNameInMode(label)) {
      return InvalidArgument("invalid label name {} in equal list", GoQuote(label));
    }
  }
  NX_ASSIGN_OR_RETURN(source, Combine(source_match, source_match_re, source_list));
  NX_ASSIGN_OR_RETURN(target, Combine(target_match, target_match_re, target_list));
  return OkStatus();
}

void WebhookConfig::Describe(Fields& f) {
  f.Type("config.plain", "config.WebhookConfig");
  f.Field("send_resolved", send_resolved, Print::kAlways);
  f.Field("http_config", http);
  f.Secret("url", url);
  f.Field("url_file", url_file);
  f.Field("max_alerts", max_alerts, Print::kAlways);
  f.Field("timeout", timeout);
  f.Refuse("payload", kNotHere);
}

Status WebhookConfig::AfterDecode() {
  if (url.empty() && url_file.empty()) {
    return InvalidArgument("one of url or url_file must be configured");
  }
  if (!url.empty() && !url_file.empty()) {
    return InvalidArgument("at most one of url & url_file must be configured");
  }
  const bool is_template = url.find("{{") != std::string::npos;
  // A printed configuration reads back (amtool shows routes of a running one).
  if (!url.empty() && !is_template && url != "<secret>") return config::CheckHttpUrl(url);
  return OkStatus();
}

void Receiver::Describe(Fields& f) {
  f.Type("config.plain", "config.Receiver");
  f.Field("name", name);
  f.Field("webhook_configs", webhooks);
  for (std::string_view kind :
       {"email_configs", "pagerduty_configs", "opsgenie_configs", "wechat_configs", "slack_configs",
        "victorops_configs", "pushover_configs", "sns_configs", "telegram_configs",
        "discord_configs", "webex_configs", "msteams_configs", "msteamsv2_configs", "jira_configs",
        "rocketchat_configs", "incidentio_configs", "mattermost_configs", "labels"}) {
    f.Refuse(kind, kNotHere);
  }
}

Status Receiver::AfterDecode() {
  return name.empty() ? InvalidArgument("missing name in receiver") : OkStatus();
}

void NamedTimeInterval::Describe(Fields& f) {
  f.Type("config.plain", "config.TimeInterval");
  f.Field("name", name, Print::kAlways);
  f.Field("time_intervals", intervals, Print::kAlways);
}

void GlobalConfig::Describe(Fields& f) {
  f.Type("config.plain", "config.GlobalConfig");
  f.Field("resolve_timeout", resolve_timeout, Print::kAlways);
  f.Field("http_config", http);
  // Settings of receivers that are not implemented.
  for (std::string_view key : {"smtp_from",
                               "smtp_hello",
                               "smtp_smarthost",
                               "smtp_auth_username",
                               "smtp_auth_password",
                               "smtp_auth_password_file",
                               "smtp_auth_secret",
                               "smtp_auth_secret_file",
                               "smtp_auth_identity",
                               "smtp_require_tls",
                               "smtp_tls_config",
                               "smtp_force_implicit_tls",
                               "slack_api_url",
                               "slack_api_url_file",
                               "slack_app_token",
                               "slack_app_token_file",
                               "slack_app_url",
                               "pagerduty_url",
                               "opsgenie_api_url",
                               "opsgenie_api_key",
                               "opsgenie_api_key_file",
                               "wechat_api_url",
                               "wechat_api_secret",
                               "wechat_api_secret_file",
                               "wechat_api_corp_id",
                               "victorops_api_url",
                               "victorops_api_key",
                               "victorops_api_key_file",
                               "telegram_api_url",
                               "telegram_bot_token",
                               "telegram_bot_token_file",
                               "webex_api_url",
                               "rocketchat_api_url",
                               "rocketchat_token",
                               "rocketchat_token_file",
                               "rocketchat_token_id",
                               "rocketchat_token_id_file",
                               "jira_api_url",
                               "mattermost_webhook_url",
                               "mattermost_webhook_url_file"}) {
    f.Refuse(key, kNotHere);
  }
}

void Config::Describe(Fields& f) {
  f.Type("config.plain", "config.Config");
  f.Field("global", global);
  f.Field("route", route);
  f.Field("inhibit_rules", inhibit_rules);
  f.Field("receivers", receivers);
  f.Field("templates", templates, Print::kAlways);
  f.Field("mute_time_intervals", mute_time_intervals);
  f.Field("time_intervals", time_intervals);
  f.Refuse("tracing", kNotHere);
  f.Refuse("event_recorder", kNotHere);
}

}  // namespace narthex::am
