#include "core/config/types.h"

#include "core/config/url.h"
#include "core/strings/duration.h"

namespace narthex::config {

StatusOr<Duration> Duration::ParseText(std::string_view text) {
  NX_ASSIGN_OR_RETURN(const int64_t ms, ParsePromDuration(text));
  return Duration{ms};
}
std::string Duration::ToText() const { return FormatPromDuration(ms); }

StatusOr<GoDuration> GoDuration::ParseText(std::string_view text) {
  NX_ASSIGN_OR_RETURN(const int64_t nanos, ParseGoDuration(text));
  return GoDuration{nanos};
}
std::string GoDuration::ToText() const { return FormatGoDuration(nanos); }

StatusOr<Size> Size::ParseText(std::string_view text) {
  NX_ASSIGN_OR_RETURN(const int64_t bytes, ParseSize(text));
  return Size{bytes};
}
std::string Size::ToText() const { return FormatSize(bytes); }

StatusOr<Url> Url::ParseText(std::string_view value) {
  NX_RETURN_IF_ERROR(CheckUrl(value));
  return Url{std::string(value)};
}
std::string Url::ToText() const { return RedactUrl(text); }

}  // namespace narthex::config
