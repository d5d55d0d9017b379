#pragma once
// Cross-origin headers for an anchored expression of allowed origins.
//
// Thread safety: immutable.

#include <memory>
#include <string>

#include "core/base/status.h"
#include "core/http/server.h"
#include "core/labels/regex.h"

namespace narthex::api {

class Cors {
 public:
  static StatusOr<Cors> Create(const std::string& origin_expression);
  void SetHeaders(const http::Request& request, http::Headers* headers) const;

 private:
  bool any_ = false;
  std::shared_ptr<const AnchoredRegex> origins_;
};

}  // namespace narthex::api
