#include "core/http/route_prefix.h"

#include "core/http/types.h"

namespace narthex::http {
namespace {

std::string Normalized(std::string_view path) {
  while (path.ends_with('/')) path.remove_suffix(1);
  while (path.starts_with('/')) path.remove_prefix(1);
  return path.empty() ? "" : fmt::format("/{}", path);
}

// No scheme, host, query: "/prometheus", "prometheus".
bool IsPathAlone(std::string_view text) {
  return !text.starts_with("//") && text.find_first_of(":?#\"' \t\r\n") == std::string_view::npos;
}

}  // namespace

StatusOr<std::string> ExternalPath(std::string_view external_url) {
  if (IsPathAlone(external_url)) return Normalized(external_url);
  NX_ASSIGN_OR_RETURN(const Url url, Url::Parse(external_url));
  return Normalized(url.path);
}

StatusOr<std::string> RoutePrefix(std::string_view flag, std::string_view external_url) {
  if (!flag.empty()) return Normalized(flag);
  return ExternalPath(external_url);
}

void RedirectToPrefix(Router& router, const std::string& prefix, bool from_root) {
  if (prefix.empty()) return;
  router.HandleAny(prefix, [prefix](const Request& request, ResponseWriter& response) {
    const std::string_view mark = request.raw_query.empty() ? "" : "?";
    response.Redirect(301, fmt::format("{}/{}{}", prefix, mark, request.raw_query));
  });
  if (!from_root) return;
  router.Handle("GET", "/", [prefix](const Request&, ResponseWriter& response) {
    response.Redirect(302, prefix);
  });
}

}  // namespace narthex::http
