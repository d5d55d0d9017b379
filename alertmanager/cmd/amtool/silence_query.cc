#include "alertmanager/cmd/amtool/api_client.h"
#include "alertmanager/cmd/amtool/arguments.h"
#include "alertmanager/cmd/amtool/print.h"
#include "alertmanager/cmd/amtool/silence_commands.h"
#include "core/base/clock.h"

namespace narthex::am {
namespace {

bool Wanted(const SilenceQuery& query, const JsonValue& silence, int64_t now) {
  if (!query.id->empty() && silence["id"].AsString() != *query.id) return false;
  if (!query.created_by->empty() && silence["createdBy"].AsString() != *query.created_by) {
    return false;
  }
  const int64_t ends = ParseTime(silence["endsAt"].AsString()).value_or(Time{}).nanos;
  const int64_t within = *query.within_ms * 1'000'000;
  if (*query.expired) return ends <= now && (within <= 0 || ends >= now - within);
  return ends >= now && (within <= 0 || ends <= now + within);
}

}  // namespace

Status QuerySilences(const Settings& settings, const SilenceQuery& query) {
  ExpandAlertName(query.matchers);
  ApiClient::Arguments arguments;
  for (const std::string& matcher : *query.matchers) arguments.query.Add("filter", matcher);
  NX_ASSIGN_OR_RETURN(auto api, ApiClient::Create(settings));
  NX_ASSIGN_OR_RETURN(const JsonValue all, api->Call(kGetSilences, arguments));
  const int64_t now = Clock::System().NowNanos();
  JsonValue::Array wanted;
  for (const JsonValue& silence : all.items()) {
    if (Wanted(query, silence, now)) wanted.push_back(silence);
  }
  if (*query.quiet) {
    for (const JsonValue& silence : wanted) Print(silence["id"].AsString() + "\n");
  } else {
    Print(FormatSilences(JsonValue(std::move(wanted)), Style(settings)));
  }
  return OkStatus();
}

}  // namespace narthex::am
