#pragma once
// --auth-filter: who asks for metrics must bear a token the API server knows (TokenReview), of
// somebody who may read that path (SubjectAccessReview).
//
// Thread safety: all methods. Check blocks on the API server.

#include <memory>

#include "core/http/server.h"
#include "core/kube/api.h"

namespace narthex::ksm {

class AuthFilter {
 public:
  explicit AuthFilter(std::shared_ptr<kube::Api> api) : api_(std::move(api)) {}
  // True when the request may go on; else it has been answered (401, 403, 500).
  bool Check(const http::Request& request, http::ResponseWriter& response) const;

 private:
  StatusOr<JsonValue> Review(const std::string& token) const;
  StatusOr<bool> MayRead(const JsonValue& user, const http::Request& request) const;

  const std::shared_ptr<kube::Api> api_;
};

}  // namespace narthex::ksm
