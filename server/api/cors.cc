#include "server/api/cors.h"

namespace narthex::api {

StatusOr<Cors> Cors::Create(const std::string& origin_expression) {
  Cors cors;
  cors.any_ = origin_expression == ".*";
  auto compiled = AnchoredRegex::Compile(origin_expression);
  if (!compiled.ok()) {
    return InvalidArgument("could not compile CORS regex string \"{}\": {}", origin_expression,
                           MessageOf(compiled.status()));
  }
  cors.origins_ = *std::move(compiled);
  return cors;
}

void Cors::SetHeaders(const http::Request& request, http::Headers* headers) const {
  headers->Add("Vary", "Origin");
  const std::string origin(request.headers.Get("Origin"));
  if (origin.empty()) return;
  headers->Set("Access-Control-Allow-Headers", "Accept, Authorization, Content-Type, Origin");
  headers->Set("Access-Control-Allow-Methods", "GET, POST, OPTIONS");
  headers->Set("Access-Control-Expose-Headers", "Date");
  if (any_) {
    headers->Set("Access-Control-Allow-Origin", "*");
  } else if (origins_->Matches(origin)) {
    headers->Set("Access-Control-Allow-Origin", origin);
  }
}

}  // namespace narthex::api
