#include "kube_state_metrics/serve/auth_filter.h"

#include "core/json/writer.h"
#include "core/log/log.h"
#include "core/strings/quote.h"

namespace narthex::ksm {
namespace {

constexpr std::string_view kBearer = "Bearer ";

}  // namespace

StatusOr<JsonValue> AuthFilter::Review(const std::string& token) const {
  std::string body;
  JsonWriter json(&body);
  json.BeginObject()
      .Member("apiVersion", "authentication.k8s.io/v1")
      .Member("kind", "TokenReview")
      .Key("spec")
      .BeginObject()
      .Member("token", token)
      .EndObject()
      .EndObject();
  return api_->Post("/apis/authentication.k8s.io/v1/tokenreviews", std::move(body));
}

StatusOr<bool> AuthFilter::MayRead(const JsonValue& user, const http::Request& request) const {
  std::string body;
  JsonWriter json(&body);
  json.BeginObject()
      .Member("apiVersion", "authorization.k8s.io/v1")
      .Member("kind", "SubjectAccessReview")
      .Key("spec")
      .BeginObject()
      .Member("user", user["username"].AsString())
      .Member("uid", user["uid"].AsString())
      .Key("groups")
      .BeginArray();
  for (const JsonValue& group : user["groups"].items()) json.String(group.AsString());
  json.EndArray()
      .Key("nonResourceAttributes")
      .BeginObject()
      .Member("path", request.path)
      .Member("verb", ToLowerAscii(request.method))
      .EndObject()
      .EndObject()
      .EndObject();
  NX_ASSIGN_OR_RETURN(
      const JsonValue answer,
      api_->Post("/apis/authorization.k8s.io/v1/subjectaccessreviews", std::move(body)));
  return answer["status"]["allowed"].AsBool();
}

bool AuthFilter::Check(const http::Request& request, http::ResponseWriter& response) const {
  const std::string_view header = request.headers.Get("Authorization");
  if (!header.starts_with(kBearer) || header.size() == kBearer.size()) {
    response.Error(401, "Unauthorized");
    return false;
  }
  const auto review = Review(std::string(header.substr(kBearer.size())));
  if (!review.ok()) {
    NX_LOG(Error, "Authentication failed", {"err", review.status()});
    response.Error(500, "Authentication failed");
    return false;
  }
  if (!(*review)["status"]["authenticated"].AsBool()) {
    response.Error(401, "Unauthorized");
    return false;
  }
  const auto allowed = MayRead((*review)["status"]["user"], request);
  if (!allowed.ok()) {
    NX_LOG(Error, "Authorization failed", {"err", allowed.status()});
    response.Error(500, "Authorization failed");
    return false;
  }
  if (!*allowed) response.Error(403, "Authorization denied");
  return *allowed;
}

}  // namespace narthex::ksm
