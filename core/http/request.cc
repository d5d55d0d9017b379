#include "core/http/ascii.h"
#include "core/http/server.h"

namespace narthex::http {

std::string_view Request::PathParam(std::string_view name) const {
  for (const auto& [key, value] : path_params) {
    if (key == name) return value;
  }
  return {};
}

StatusOr<Params> Request::Form() const {
  Params params;
  const bool has_body = method == "POST" || method == "PUT" || method == "PATCH";
  std::string_view type = headers.Get("Content-Type");
  if (has_body && EqualsIgnoreCase(NextItem(&type, ';'), "application/x-www-form-urlencoded")) {
    NX_ASSIGN_OR_RETURN(params, ParseForm(body));
  }
  NX_ASSIGN_OR_RETURN(const Params url, ParseForm(raw_query));
  params.Append(url);
  return params;
}

}  // namespace narthex::http
