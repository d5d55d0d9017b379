#pragma once
// What the API answers, as simple or extended tables or as JSON. The texts are upstream's to the
// blank: scripts read them.

#include <string>

#include "alertmanager/cmd/amtool/settings.h"
#include "core/base/status.h"
#include "core/json/reader.h"

namespace narthex::am {

struct Style {
  enum class Kind { kSimple, kExtended, kJson };
  Kind kind = Kind::kSimple;
  std::string date_format = "2006-01-02 15:04:05 MST";

  Style() = default;
  explicit Style(const Settings& settings);
};

// `alerts`, `silences`: lists of the API's objects.
std::string FormatAlerts(const JsonValue& alerts, const Style& style);
std::string FormatSilences(const JsonValue& silences, const Style& style);
// `status`: the answer of /status.
std::string FormatConfig(const JsonValue& status, const Style& style);
std::string FormatCluster(const JsonValue& status, const Style& style);

}  // namespace narthex::am
