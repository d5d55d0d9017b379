#pragma once
// The headers that a client's configuration adds to each of its requests. Files are read anew each
// time, so that a rotated secret works at once. Thread-safe.

#include <string>
#include <string_view>

#include "core/base/status.h"
#include "core/http/client.h"

namespace narthex::http {

std::string Base64Encode(std::string_view data);
std::optional<std::string> Base64Decode(std::string_view text);
std::string BasicCredentials(std::string_view user, std::string_view password);  // "Basic …"

// Fails when a secret is to come from a secret manager: there is none. In upstream's words.
Status CheckSecretReferences(const ClientConfig& config);

// A secret given in line or by file; surrounding white space of files is cut, as upstream does.
StatusOr<std::string> ReadSecret(const std::string& value, const std::string& file);

// Sets Authorization from basic_auth or authorization, unless the request has one already.
Status AddAuthorization(const ClientConfig& config, Headers* headers);
Status AddConfiguredHeaders(const std::vector<ClientConfig::Header>& configured, Headers* headers);

}  // namespace narthex::http
