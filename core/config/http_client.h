#pragma once
// The HTTP client block (basic_auth, authorization, tls_config, proxies …) as configuration.
//
//   config::HttpClient http;
//   f.Inline(http);                   // its keys among those of the struct around it
//   f.Field("http_config", http);     // or as a block of its own
//
// bearer_token and bearer_token_file become `authorization`. Exclusivity is checked in AfterDecode.

#include <string_view>

#include "core/base/status.h"
#include "core/config/decode.h"
#include "core/http/client.h"

namespace narthex::http {

void Describe(config::Fields& f, TlsConfig& tls);
bool IsZero(const TlsConfig& tls);  // such a block is left out when printing
void Describe(config::Fields& f, ClientConfig& client);
Status AfterDecode(ClientConfig& client);

}  // namespace narthex::http

namespace narthex::config {

// Joins every relative *_file of the block to the directory of the file that mentions it.
void ResolvePaths(http::ClientConfig& client, std::string_view directory);
void ResolvePaths(http::TlsConfig& tls, std::string_view directory);

}  // namespace narthex::config
