#include <algorithm>
#include <initializer_list>

#include "core/http/ascii.h"
#include "core/http/client.h"
#include "core/http/credentials.h"
#include "core/http/jwt.h"

namespace narthex::http {
namespace {

// More than one of these is configured.
bool Several(std::initializer_list<const std::string*> values) {
  return std::count_if(values.begin(), values.end(),
                       [](const std::string* value) { return !value->empty(); }) > 1;
}

Status ValidateTls(const TlsConfig& tls) {
  if (Several({&tls.ca, &tls.ca_file, &tls.ca_ref})) {
    return InvalidArgument("at most one of ca, ca_file & ca_ref must be configured");
  }
  if (Several({&tls.cert, &tls.cert_file, &tls.cert_ref})) {
    return InvalidArgument("at most one of cert, cert_file & cert_ref must be configured");
  }
  if (Several({&tls.key, &tls.key_file, &tls.key_ref})) {
    return InvalidArgument("at most one of key, key_file & key_ref must be configured");
  }
  const bool has_cert = !tls.cert.empty() || !tls.cert_file.empty() || !tls.cert_ref.empty();
  const bool has_key = !tls.key.empty() || !tls.key_file.empty() || !tls.key_ref.empty();
  if (has_cert && !has_key) {
    return InvalidArgument(
        "exactly one of key or key_file must be configured when a client certificate is "
        "configured");
  }
  if (has_key && !has_cert) {
    return InvalidArgument(
        "exactly one of cert or cert_file must be configured when a client key is configured");
  }
  return OkStatus();
}

Status ValidateProxy(const std::string& proxy_url, const std::string& no_proxy,
                     bool from_environment, bool has_connect_headers) {
  if (!proxy_url.empty() && from_environment) {
    return InvalidArgument(
        "if proxy_from_environment is configured, proxy_url must not be configured");
  }
  if (!no_proxy.empty() && from_environment) {
    return InvalidArgument(
        "if proxy_from_environment is configured, no_proxy must not be configured");
  }
  if (!no_proxy.empty() && proxy_url.empty()) {
    return InvalidArgument("if no_proxy is configured, proxy_url must also be configured");
  }
  if (has_connect_headers && !from_environment && proxy_url.empty()) {
    return InvalidArgument(
        "if proxy_connect_header is configured, proxy_url or proxy_from_environment must also be "
        "configured");
  }
  return OkStatus();
}

Status ValidateBasicAuth(const ClientConfig::BasicAuth& basic) {
  if (Several({&basic.username, &basic.username_file, &basic.username_ref})) {
    return InvalidArgument(
        "at most one of basic_auth username, username_file & username_ref must be "
        "configured");
  }
  if (Several({&basic.password, &basic.password_file, &basic.password_ref})) {
    return InvalidArgument(
        "at most one of basic_auth password, password_file & password_ref must be "
        "configured");
  }
  return OkStatus();
}

Status ValidateAuthorization(const ClientConfig::Authorization& authorization) {
  if (Several({&authorization.credentials, &authorization.credentials_file,
               &authorization.credentials_ref})) {
    return InvalidArgument(
        "at most one of authorization credentials, credentials_ref & credentials_file must be "
        "configured");
  }
  if (EqualsIgnoreCase(Trim(authorization.type), "basic")) {
    return InvalidArgument(
        "authorization type cannot be set to \"basic\", use \"basic_auth\" instead");
  }
  return OkStatus();
}

Status ValidateJwt(const ClientConfig::OAuth2& oauth2) {
  if (Several({&oauth2.client_certificate_key, &oauth2.client_certificate_key_file,
               &oauth2.client_certificate_key_ref})) {
    return InvalidArgument(
        "at most one of oauth2 client_certificate_key, client_certificate_key_file & "
        "client_certificate_key_ref must be configured using grant-type={}",
        kJwtBearerGrant);
  }
  const std::string& algorithm = oauth2.signature_algorithm;
  if (!algorithm.empty() && algorithm != "RS256" && algorithm != "RS384" && algorithm != "RS512") {
    return InvalidArgument("valid signature algorithms are RS256, RS384 and RS512");
  }
  return OkStatus();
}

Status ValidateOAuth2(const ClientConfig::OAuth2& oauth2) {
  if (oauth2.client_id.empty()) return InvalidArgument("oauth2 client_id must be configured");
  if (oauth2.token_url.empty()) return InvalidArgument("oauth2 token_url must be configured");
  if (oauth2.grant_type == kJwtBearerGrant) {
    NX_RETURN_IF_ERROR(ValidateJwt(oauth2));
  } else if (Several(
                 {&oauth2.client_secret, &oauth2.client_secret_file, &oauth2.client_secret_ref})) {
    return InvalidArgument(
        "at most one of oauth2 client_secret, client_secret_file & client_secret_ref must be "
        "configured using grant-type=client_credentials");
  }
  NX_RETURN_IF_ERROR(ValidateTls(oauth2.tls));
  return ValidateProxy(oauth2.proxy_url, oauth2.no_proxy, oauth2.proxy_from_environment, false);
}

// Go's CanonicalHeaderKey: "x-amz-date" is "X-Amz-Date".
std::string CanonicalName(std::string_view name) {
  std::string out = AsciiLower(name);
  bool start = true;
  for (char& c : out) {
    if (start && c >= 'a' && c <= 'z') c = static_cast<char>(c - 32);
    start = c == '-';
  }
  return out;
}

Status ValidateHeaders(const std::vector<ClientConfig::Header>& headers) {
  // What the client itself decides: the length, the framing, the connection and the credentials.
  static constexpr std::string_view kReserved[] = {"authorization",
                                                   "host",
                                                   "content-encoding",
                                                   "content-length",
                                                   "content-type",
                                                   "user-agent",
                                                   "connection",
                                                   "keep-alive",
                                                   "proxy-authenticate",
                                                   "proxy-authorization",
                                                   "www-authenticate",
                                                   "accept-encoding",
                                                   "x-prometheus-remote-write-version",
                                                   "x-prometheus-remote-read-version",
                                                   "x-prometheus-scrape-timeout-seconds",
                                                   "x-amz-date",
                                                   "x-amz-security-token",
                                                   "x-amz-content-sha256"};
  for (const ClientConfig::Header& header : headers) {
    for (const std::string_view reserved : kReserved) {
      if (EqualsIgnoreCase(header.name, reserved)) {
        return InvalidArgument("setting header \"{}\" is not allowed", CanonicalName(header.name));
      }
    }
  }
  return OkStatus();
}

Status CheckReference(std::string_view what, const std::string& reference) {
  if (reference.empty()) return OkStatus();
  return FailedPrecondition("unable to use {}: cannot use secret ref without manager", what);
}

Status CheckTlsReferences(const TlsConfig& tls) {
  NX_RETURN_IF_ERROR(CheckReference("CA cert", tls.ca_ref));
  NX_RETURN_IF_ERROR(CheckReference("client cert", tls.cert_ref));
  return CheckReference("client key", tls.key_ref);
}

}  // namespace

Status CheckSecretReferences(const ClientConfig& config) {
  NX_RETURN_IF_ERROR(CheckTlsReferences(config.tls));
  if (config.authorization) {
    NX_RETURN_IF_ERROR(CheckReference("credentials", config.authorization->credentials_ref));
  }
  if (config.basic_auth) {
    NX_RETURN_IF_ERROR(CheckReference("username", config.basic_auth->username_ref));
    NX_RETURN_IF_ERROR(CheckReference("password", config.basic_auth->password_ref));
  }
  if (!config.oauth2) return OkStatus();
  NX_RETURN_IF_ERROR(CheckReference("client secret", config.oauth2->client_secret_ref));
  NX_RETURN_IF_ERROR(
      CheckReference("client certificate", config.oauth2->client_certificate_key_ref));
  return CheckTlsReferences(config.oauth2->tls);
}

Status ValidateClientConfig(const ClientConfig& config) {
  if (config.basic_auth) NX_RETURN_IF_ERROR(ValidateBasicAuth(*config.basic_auth));
  const int schemes =
      (config.basic_auth ? 1 : 0) + (config.oauth2 ? 1 : 0) + (config.authorization ? 1 : 0);
  if (config.authorization) NX_RETURN_IF_ERROR(ValidateAuthorization(*config.authorization));
  if (schemes > 1) {
    return InvalidArgument("at most one of basic_auth, oauth2 & authorization must be configured");
  }
  if (config.oauth2) NX_RETURN_IF_ERROR(ValidateOAuth2(*config.oauth2));
  NX_RETURN_IF_ERROR(ValidateTls(config.tls));
  NX_RETURN_IF_ERROR(ValidateProxy(config.proxy_url, config.no_proxy, config.proxy_from_environment,
                                   !config.proxy_connect_headers.empty()));
  return ValidateHeaders(config.http_headers);
}

}  // namespace narthex::http
