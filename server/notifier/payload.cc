#include "server/notifier/payload.h"

#include "core/json/writer.h"
#include "core/strings/duration.h"

namespace narthex::notifier {

std::string EncodeAlerts(std::span<const Alert> alerts) {
  std::string out;
  JsonWriter json(&out);
  json.BeginArray();
  for (const Alert& alert : alerts) {
    json.BeginObject().Key("annotations").BeginObject();
    for (const auto& [name, value] : alert.annotations) json.Member(name, value);
    json.EndObject();
    json.Member("endsAt", FormatRfc3339Millis(alert.ends_at));
    json.Member("startsAt", FormatRfc3339Millis(alert.starts_at));
    json.Member("generatorURL", alert.generator_url);
    json.Key("labels").BeginObject();
    for (const Label& label : alert.labels) json.Member(label.name, label.value);
    json.EndObject().EndObject();
  }
  json.EndArray();
  return out;
}

}  // namespace narthex::notifier
