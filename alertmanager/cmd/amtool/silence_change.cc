// amtool silence add, update, expire.

#include <algorithm>

#include "alertmanager/cmd/amtool/api_client.h"
#include "alertmanager/cmd/amtool/arguments.h"
#include "alertmanager/cmd/amtool/print.h"
#include "alertmanager/cmd/amtool/silence_commands.h"
#include "core/base/clock.h"
#include "core/json/writer.h"

namespace narthex::am {
namespace {

// When a silence begins and ends, as its command line has it.
struct Interval {
  Time starts, ends;
};

Status CheckOrder(const Interval& interval) {
  if (interval.starts.nanos <= interval.ends.nanos) return OkStatus();
  return InvalidArgument("silence cannot start after it ends");
}

StatusOr<Interval> ReadInterval(const NewSilence& silence) {
  Interval interval;
  NX_ASSIGN_OR_RETURN(interval.starts, ParseTimeArgument(*silence.start));
  if (!interval.starts.is_set()) interval.starts = {Clock::System().NowNanos(), 0};
  if (!silence.end->empty()) {
    NX_ASSIGN_OR_RETURN(interval.ends, ParseTimeArgument(*silence.end));
  } else {
    NX_ASSIGN_OR_RETURN(const int64_t duration, ParseSilenceDuration(*silence.duration));
    interval.ends = {interval.starts.nanos + duration, 0};
  }
  NX_RETURN_IF_ERROR(CheckOrder(interval));
  return interval;
}

std::string BodyOf(const NewSilence& silence, const Interval& interval, const Matchers& matchers,
                   const PairMap& annotations) {
  std::string body;
  JsonWriter json(&body);
  json.BeginObject();
  if (!annotations.empty()) {
    json.Key("annotations").BeginObject();
    for (const auto& [name, value] : annotations) json.Member(name, value);
    json.EndObject();
  }
  json.Member("comment", *silence.comment);
  json.Member("createdBy", silence.author->empty() ? UserName() : *silence.author);
  json.Member("endsAt", FormatMillis(interval.ends));
  json.Key("matchers").BeginArray();
  for (const Matcher& matcher : matchers) {
    const bool positive =
        matcher.type() == MatchType::kEqual || matcher.type() == MatchType::kRegex;
    json.BeginObject().Key("isEqual").Bool(positive).Key("isRegex").Bool(matcher.is_regex());
    json.Member("name", matcher.name()).Member("value", matcher.value()).EndObject();
  }
  json.EndArray().Member("startsAt", FormatMillis(interval.starts)).EndObject();
  return body;
}

void Replace(JsonValue::Members* members, std::string_view name, const std::string& text) {
  for (auto& [key, value] : *members) {
    if (key == name) value = JsonValue(text);
  }
}

// The silence as its update has it.
StatusOr<JsonValue> Changed(const JsonValue& silence, const SilenceUpdate& update) {
  JsonValue::Members members = silence.members();
  Interval interval;
  NX_ASSIGN_OR_RETURN(interval.starts, ParseTime(silence["startsAt"].AsString()));
  NX_ASSIGN_OR_RETURN(interval.ends, ParseTime(silence["endsAt"].AsString()));
  if (!update.start->empty()) {
    NX_ASSIGN_OR_RETURN(interval.starts, ParseTimeArgument(*update.start));
    Replace(&members, "startsAt", FormatMillis(interval.starts));
  }
  if (!update.end->empty()) {
    NX_ASSIGN_OR_RETURN(interval.ends, ParseTimeArgument(*update.end));
    Replace(&members, "endsAt", FormatMillis(interval.ends));
  } else if (!update.duration->empty()) {
    NX_ASSIGN_OR_RETURN(const int64_t duration, ParseSilenceDuration(*update.duration));
    interval.ends = {interval.starts.nanos + duration, 0};
    Replace(&members, "endsAt", FormatMillis(interval.ends));
  }
  NX_RETURN_IF_ERROR(CheckOrder(interval));
  if (!update.comment->empty()) Replace(&members, "comment", *update.comment);
  return JsonValue(std::move(members));
}

StatusOr<JsonValue> UpdateOne(ApiClient& api, const std::string& id, const SilenceUpdate& update) {
  ApiClient::Arguments arguments;
  arguments.id = id;
  NX_ASSIGN_OR_RETURN(const JsonValue silence, api.Call(kGetSilence, arguments));
  NX_ASSIGN_OR_RETURN(const JsonValue changed, Changed(silence, update));
  JsonValue::Members posted = changed.members();
  std::erase_if(posted, [](const auto& member) {
    return member.first == "status" || member.first == "updatedAt";
  });
  JsonWriter(&arguments.body).Value(JsonValue(std::move(posted)));
  NX_ASSIGN_OR_RETURN(const JsonValue answer, api.Call(kPostSilences, arguments));
  JsonValue::Members result = changed.members();
  Replace(&result, "id", answer["silenceID"].AsString());
  return JsonValue(std::move(result));
}

}  // namespace

Status AddSilence(const Settings& settings, const NewSilence& silence) {
  ExpandAlertName(silence.matchers);
  NX_ASSIGN_OR_RETURN(const Matchers matchers, ParseMatcherArguments(*silence.matchers));
  if (matchers.empty()) return InvalidArgument("no matchers specified");
  NX_ASSIGN_OR_RETURN(const Interval interval, ReadInterval(silence));
  if (*silence.require_comment && silence.comment->empty()) {
    return InvalidArgument("comment required by config");
  }
  NX_ASSIGN_OR_RETURN(const PairMap annotations, ParsePairs(*silence.annotations, "annotations"));
  ApiClient::Arguments arguments;
  arguments.body = BodyOf(silence, interval, matchers, annotations);
  NX_ASSIGN_OR_RETURN(auto api, ApiClient::Create(settings));
  NX_ASSIGN_OR_RETURN(const JsonValue answer, api->Call(kPostSilences, arguments));
  Print(answer["silenceID"].AsString() + "\n");
  return OkStatus();
}

Status UpdateSilences(const Settings& settings, const SilenceUpdate& update) {
  if (update.ids->empty()) return InvalidArgument("no silence IDs specified");
  NX_ASSIGN_OR_RETURN(auto api, ApiClient::Create(settings));
  JsonValue::Array updated;
  for (const std::string& id : *update.ids) {
    NX_ASSIGN_OR_RETURN(JsonValue silence, UpdateOne(*api, id, update));
    updated.push_back(std::move(silence));
  }
  if (*update.quiet) {
    for (const JsonValue& silence : updated) Print(silence["id"].AsString() + "\n");
  } else {
    Print(FormatSilences(JsonValue(std::move(updated)), Style(settings)));
  }
  return OkStatus();
}

Status ExpireSilences(const Settings& settings, const std::vector<std::string>& ids) {
  if (ids.empty()) return InvalidArgument("no silence IDs specified");
  NX_ASSIGN_OR_RETURN(auto api, ApiClient::Create(settings));
  for (const std::string& id : ids) {
    ApiClient::Arguments arguments;
    arguments.id = id;
    NX_RETURN_IF_ERROR(api->Call(kDeleteSilence, arguments).status());
  }
  return OkStatus();
}

}  // namespace narthex::am
