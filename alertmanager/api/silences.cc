// The endpoints of silences.

#include <algorithm>

#include "alertmanager/api/answers.h"
#include "alertmanager/api/api.h"
#include "core/json/writer.h"
#include "core/log/log.h"
#include "core/strings/quote.h"

namespace narthex::am {
namespace {

void WriteSilence(JsonWriter& json, const Silence& silence, int64_t now) {
  json.BeginObject().Member("id", silence.id);
  json.Key("status")
      .BeginObject()
      .Member("state", SilenceStateText(silence.StateAt(now)))
      .EndObject();
  json.Member("updatedAt", FormatMillis({silence.updated_at, 0}));
  if (!silence.annotations.empty()) {
    json.Key("annotations").BeginObject();
    for (const auto& [name, value] : silence.annotations) json.Member(name, value);
    json.EndObject();
  }
  json.Member("comment", silence.comment).Member("createdBy", silence.created_by);
  json.Member("endsAt", FormatMillis({silence.ends_at, 0}));
  json.Key("matchers").BeginArray();
  for (const Matcher& matcher : silence.matchers) {
    const bool positive =
        matcher.type() == MatchType::kEqual || matcher.type() == MatchType::kRegex;
    json.BeginObject().Key("isEqual").Bool(positive).Key("isRegex").Bool(matcher.is_regex());
    json.Member("name", matcher.name()).Member("value", matcher.value()).EndObject();
  }
  json.EndArray();
  json.Member("startsAt", FormatMillis({silence.starts_at, 0})).EndObject();
}

// Active by end, pending by start, expired by end, the latest first.
void SortForListing(std::vector<SilencePtr>* silences, int64_t now) {
  auto rank = [now](const Silence& s) {
    const SilenceState state = s.StateAt(now);
    return state == SilenceState::kActive ? 0 : state == SilenceState::kPending ? 1 : 2;
  };
  std::stable_sort(silences->begin(), silences->end(),
                   [&](const SilencePtr& a, const SilencePtr& b) {
                     const int left = rank(*a), right = rank(*b);
                     if (left != right) return left < right;
                     if (left == 0) return a->ends_at < b->ends_at;
                     return left == 1 ? a->starts_at < b->starts_at : a->ends_at > b->ends_at;
                   });
}

// Every matcher of the filter must be one of the silence's, literally.
bool HasMatchers(const Silence& silence, const Matchers& filter) {
  return std::all_of(filter.begin(), filter.end(), [&](const Matcher& wanted) {
    return std::find(silence.matchers.begin(), silence.matchers.end(), wanted) !=
           silence.matchers.end();
  });
}

// What the request lacks, in the order the framework looks; "" when nothing.
std::string MissingField(const JsonValue& body) {
  for (std::string_view field : {"comment", "createdBy", "endsAt", "matchers", "startsAt"}) {
    if (body[field].is_null()) return std::string(field);
  }
  return "";
}

StatusOr<Matcher> ReadMatcher(const JsonValue& value) {
  const bool equal =
      !value.Has("isEqual") || value["isEqual"].is_null() || value["isEqual"].AsBool();
  const bool regex = value["isRegex"].AsBool();
  const MatchType type = regex ? (equal ? MatchType::kRegex : MatchType::kNotRegex)
                               : (equal ? MatchType::kEqual : MatchType::kNotEqual);
  return Matcher::Create(type, value["name"].AsString(), value["value"].AsString());
}

StatusOr<Silence> ReadSilence(const JsonValue& body) {
  Silence silence;
  silence.id = body["id"].AsString();
  silence.comment = body["comment"].AsString();
  silence.created_by = body["createdBy"].AsString();
  for (size_t i = 0; i < body["matchers"].items().size(); ++i) {
    StatusOr<Matcher> matcher = ReadMatcher(body["matchers"].items()[i]);
    if (!matcher.ok()) {
      return Annotate(
          matcher.status(),
          fmt::format("invalid silence: matcher set 0: invalid label matcher {}: invalid "
                      "regular expression {}",
                      i, GoQuote(body["matchers"].items()[i]["value"].AsString())));
    }
    silence.matchers.push_back(*std::move(matcher));
  }
  for (const auto& [name, value] : body["annotations"].members()) {
    silence.annotations.emplace_back(name, value.AsString());
  }
  std::sort(silence.annotations.begin(), silence.annotations.end());
  return silence;
}

}  // namespace

void Api::GetSilences(const Request& request, Response& response) const {
  StatusOr<Matchers> filter = FilterParameter(request);
  if (!filter.ok()) return SendError(request, response, 400, MessageOf(filter.status()));
  const int64_t now = deps_.clock->NowNanos();
  std::vector<SilencePtr> silences = deps_.silences->All();
  std::erase_if(silences, [&](const SilencePtr& silence) {
    return !HasMatchers(*silence, *filter) ||
           !BoolParameter(request, SilenceStateText(silence->StateAt(now)), true);
  });
  SortForListing(&silences, now);
  std::string body;
  JsonWriter json(&body);
  json.BeginArray();
  for (const SilencePtr& silence : silences) WriteSilence(json, *silence, now);
  json.EndArray();
  SendJson(request, response, 200, body + "\n");
}

void Api::PostSilences(const Request& request, Response& response) {
  JsonValue body;
  if (!ReadJsonBody(request, response, "silence", &body)) return;
  if (!body.is_object()) {
    return SendFrameworkError(
        request, response, 400,
        "parsing silence body from \"\" failed, because it is no JSON object");
  }
  if (const std::string missing = MissingField(body); !missing.empty()) {
    return SendFrameworkError(request, response, 602, missing + " in body is required");
  }
  if (body["matchers"].items().empty()) {
    return SendFrameworkError(request, response, 612,
                              "matchers in body should have at least 1 items");
  }
  for (size_t i = 0; i < body["matchers"].items().size(); ++i) {
    for (std::string_view field : {"isRegex", "name", "value"}) {
      if (body["matchers"].items()[i][field].is_null()) {
        return SendFrameworkError(request, response, 602,
                                  fmt::format("matchers.{}.{} in body is required", i, field));
      }
    }
  }
  StatusOr<Time> starts_at = ParseTime(body["startsAt"].AsString());
  StatusOr<Time> ends_at = ParseTime(body["endsAt"].AsString());
  for (const auto* time : {&starts_at, &ends_at}) {
    if (time->ok()) continue;
    return SendFrameworkError(request, response, 400,
                              fmt::format("parsing silence body from \"\" failed, because {}",
                                          MessageOf(time->status())));
  }
  StatusOr<Silence> silence = ReadSilence(body);
  if (!silence.ok()) return SendError(request, response, 400, MessageOf(silence.status()));
  const int64_t now = deps_.clock->NowNanos();
  silence->starts_at = starts_at->is_set() ? starts_at->nanos : now;
  silence->ends_at = ends_at->is_set() ? ends_at->nanos : 0;
  if (silence->starts_at >= silence->ends_at) {
    return SendError(request, response, 400,
                     "Failed to create silence: start time must be before end time");
  }
  if (silence->ends_at < now) {
    return SendError(request, response, 400,
                     "Failed to create silence: end time can't be in the past");
  }
  StatusOr<std::string> id = deps_.silences->Set(*std::move(silence));
  if (!id.ok()) {
    const StatusCode code = id.status().code();
    const int status = code == StatusCode::kNotFound          ? 404
                       : code == StatusCode::kInvalidArgument ? 400
                                                              : 500;
    return SendError(request, response, status, MessageOf(id.status()));
  }
  if (deps_.log_silences) NX_LOG(Info, "Silence set", {"id", *id});
  std::string answer;
  JsonWriter(&answer).BeginObject().Member("silenceID", *id).EndObject();
  SendJson(request, response, 200, answer + "\n");
}

void Api::GetSilence(const Request& request, Response& response) const {
  const std::string id(request.PathParam("id"));
  if (!IsUuid(id)) {
    return SendFrameworkError(request, response, 601,
                              "silenceID in path must be of type uuid: " + GoQuote(id));
  }
  const SilencePtr silence = deps_.silences->Get(id);
  if (silence == nullptr) return SendEmpty(request, response, 404);
  std::string body;
  JsonWriter json(&body);
  WriteSilence(json, *silence, deps_.clock->NowNanos());
  SendJson(request, response, 200, body + "\n");
}

void Api::DeleteSilence(const Request& request, Response& response) {
  const std::string id(request.PathParam("id"));
  if (!IsUuid(id)) {
    return SendFrameworkError(request, response, 601,
                              "silenceID in path must be of type uuid: " + GoQuote(id));
  }
  const Status status = deps_.silences->Expire(id);
  if (status.code() == StatusCode::kNotFound) return SendEmpty(request, response, 404);
  if (!status.ok()) return SendError(request, response, 500, MessageOf(status));
  if (deps_.log_silences) NX_LOG(Info, "Silence expired", {"id", id});
  SendEmpty(request, response, 200);
}

}  // namespace narthex::am
