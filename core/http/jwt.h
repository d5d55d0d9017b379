#pragma once
// The signed assertion of OAuth 2.0's JWT bearer grant (RFC 7523). Thread-safe.

#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/status.h"
#include "core/http/client.h"

namespace narthex::http {

inline constexpr std::string_view kJwtBearerGrant = "urn:ietf:params:oauth:grant-type:jwt-bearer";

// Says who asks (iss, sub), whom (aud), for what (scope) and for how long, with the configured
// claims beside these; `id` is the assertion's own. Fails for a key that is no RSA key in PEM.
StatusOr<std::string> JwtAssertion(const ClientConfig::OAuth2& config, std::string_view key_pem,
                                   std::string_view id, int64_t now_seconds);

}  // namespace narthex::http
