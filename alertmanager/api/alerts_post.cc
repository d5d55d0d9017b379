// POST /alerts: checks of the request first (nothing is stored when one fails), then of each alert
// (the good ones are stored even when others are refused).

#include "alertmanager/api/answers.h"
#include "alertmanager/api/api.h"
#include "core/config/url.h"
#include "core/labels/names.h"
#include "core/strings/quote.h"

namespace narthex::am {
namespace {

constexpr size_t kMaxLabels = 1000;  // of one alert

// Where a request is wrong: the framework's code and message.
struct Refusal {
  int code = 0;
  std::string message;
};

Refusal WrongType(std::string_view got, std::string_view field, std::string_view wanted) {
  return {400,
          fmt::format("parsing alerts body from \"\" failed, because json: cannot unmarshal {} "
                      "into Go struct field Alert.{} of type {}",
                      got, field, wanted)};
}

std::string_view TypeWord(const JsonValue& value) {
  switch (value.type()) {
    case JsonValue::Type::kBool: return "bool";
    case JsonValue::Type::kNumber: return "number";
    case JsonValue::Type::kString: return "string";
    case JsonValue::Type::kArray: return "array";
    case JsonValue::Type::kObject: return "object";
    case JsonValue::Type::kNull: break;
  }
  return "null";
}

using Pairs = std::vector<std::pair<std::string, std::string>>;

bool ReadPairs(const JsonValue& alert, std::string_view field, Pairs* out, Refusal* refusal) {
  const JsonValue& value = alert[field];
  if (value.is_null()) return true;
  if (!value.is_object()) {
    *refusal = WrongType(TypeWord(value), field, "models.LabelSet");
    return false;
  }
  for (const auto& [name, text] : value.members()) {
    if (!text.is_string()) {
      *refusal = WrongType(TypeWord(text), field, "string");
      return false;
    }
    out->emplace_back(name, text.AsString());
  }
  return true;
}

bool ReadTime(const JsonValue& alert, std::string_view field, Time* out, Refusal* refusal) {
  const JsonValue& value = alert[field];
  if (value.is_null() || (value.is_string() && value.AsString().empty())) return true;
  StatusOr<Time> time = ParseTime(value.AsString());
  if (time.ok()) {
    *out = *time;
    return true;
  }
  *refusal = {400, fmt::format("parsing alerts body from \"\" failed, because {}",
                               MessageOf(time.status()))};
  return false;
}

struct Posted {
  Pairs labels, annotations;
  Time starts_at, ends_at;
  std::string generator_url;
};

bool ReadPosted(const JsonValue& value, size_t index, Posted* out, Refusal* refusal) {
  if (!value.is_object()) {
    *refusal = {400,
                fmt::format("parsing alerts body from \"\" failed, because json: cannot unmarshal "
                            "{} into Go value of type models.PostableAlert",
                            TypeWord(value))};
    return false;
  }
  if (!ReadPairs(value, "labels", &out->labels, refusal) ||
      !ReadPairs(value, "annotations", &out->annotations, refusal) ||
      !ReadTime(value, "startsAt", &out->starts_at, refusal) ||
      !ReadTime(value, "endsAt", &out->ends_at, refusal)) {
    return false;
  }
  if (value["labels"].is_null()) {
    *refusal = {602, fmt::format("{}.labels in body is required", index)};
    return false;
  }
  out->generator_url = value["generatorURL"].AsString();
  const bool absolute =
      out->generator_url.find(':') != std::string::npos || out->generator_url.starts_with('/');
  if (!out->generator_url.empty() && (!absolute || !config::CheckUrl(out->generator_url).ok())) {
    *refusal = {601, fmt::format("{}.generatorURL in body must be of type uri: {}", index,
                                 GoQuote(out->generator_url))};
    return false;
  }
  return true;
}

Status CheckPairs(const Pairs& pairs, std::string_view what) {
  for (const auto& [name, value] : pairs) {
    if (!IsValidLabelNameInMode(name)) {
      return InvalidArgument("invalid {}: invalid name {}", what, GoQuote(name));
    }
    if (!IsValidLabelValue(value)) {
      return InvalidArgument("invalid {}: invalid value {}", what, GoQuote(value));
    }
  }
  if (pairs.size() > kMaxLabels) return InvalidArgument("invalid {}: too many pairs", what);
  return OkStatus();
}

Alert MakeAlert(const Posted& posted, int64_t now, int64_t resolve_timeout_ns) {
  Alert alert;
  alert.labels = Labels::FromPairs(posted.labels);
  alert.annotations = Labels::FromPairs(posted.annotations);
  alert.generator_url = posted.generator_url;
  alert.updated_at = now;
  alert.starts_at = posted.starts_at;
  alert.ends_at = posted.ends_at;
  if (!alert.starts_at.is_set()) {
    alert.starts_at = alert.ends_at.is_set() ? alert.ends_at : Time{now, 0};
  }
  if (!alert.ends_at.is_set()) {
    alert.timeout = true;
    alert.ends_at = Time{now + resolve_timeout_ns, 0};
  }
  return alert;
}

Status Validate(const Posted& posted, const Alert& alert) {
  if (alert.starts_at.nanos > alert.ends_at.nanos) {
    return InvalidArgument("start time must be before end time");
  }
  NX_RETURN_IF_ERROR(CheckPairs(posted.labels, "label set"));
  if (alert.labels.empty()) return InvalidArgument("at least one label pair required");
  return CheckPairs(posted.annotations, "annotations");
}

}  // namespace

void Api::PostAlerts(const Request& request, Response& response) {
  JsonValue document;
  if (!ReadJsonBody(request, response, "alerts", &document)) return;
  Refusal refusal;
  if (!document.is_array()) {
    return SendFrameworkError(
        request, response, 400,
        fmt::format("parsing alerts body from \"\" failed, because json: cannot "
                    "unmarshal {} into Go value of type models.PostableAlerts",
                    TypeWord(document)));
  }
  std::vector<Posted> posted(document.items().size());
  for (size_t i = 0; i < posted.size(); ++i) {
    if (!ReadPosted(document.items()[i], i, &posted[i], &refusal)) {
      return SendFrameworkError(request, response, refusal.code, refusal.message);
    }
  }
  const int64_t now = deps_.clock->NowNanos();
  const int64_t timeout = deps_.running()->config->global.resolve_timeout.ms * 1'000'000;
  std::vector<Alert> good;
  std::vector<std::string> errors;
  for (const Posted& p : posted) {
    Alert alert = MakeAlert(p, now, timeout);
    received_.With({alert.ResolvedAt(now) ? "resolved" : "firing", "v2"}).Inc();
    if (Status status = Validate(p, alert); !status.ok()) {
      invalid_.Inc();
      errors.emplace_back(MessageOf(status));
      continue;
    }
    good.push_back(std::move(alert));
  }
  deps_.store->Put(std::move(good));
  if (!errors.empty()) return SendError(request, response, 400, JoinStrings(errors, "; "));
  SendEmpty(request, response, 200);
}

}  // namespace narthex::am
