#include "core/config/http_client.h"

#include <algorithm>

#include "core/base/file.h"
#include "core/config/url.h"
#include "core/strings/quote.h"

namespace narthex::http {
namespace {

using config::Context;
using config::Fields;
using config::Node;
using config::NodePtr;
using config::Print;

constexpr std::string_view kTlsVersions[] = {"TLS10", "TLS11", "TLS12", "TLS13"};

void TlsVersion(Fields& f, std::string_view key, std::string& version) {
  f.Field(key, version);
  if (!f.decoding() || version.empty()) return;
  if (std::find(std::begin(kTlsVersions), std::end(kTlsVersions), version) ==
      std::end(kTlsVersions)) {
    f.Fail(InvalidArgument("unknown TLS version: {}", version));
  }
}

void ProxyFields(Fields& f, std::string& url, std::string& no_proxy, bool& from_environment) {
  f.Url("proxy_url", url);
  f.Field("no_proxy", no_proxy);
  f.Field("proxy_from_environment", from_environment);
}

// Texts in a sequence, or one text alone.
using HeaderLists = std::map<std::string, std::vector<std::string>>;

std::vector<ClientConfig::Header> DecodeConnectHeaders(Fields& f, std::string_view key) {
  HeaderLists lists;
  f.Field(key, lists);
  std::vector<ClientConfig::Header> headers;
  for (auto& [name, secrets] : lists) headers.push_back({name, {}, std::move(secrets), {}});
  return headers;
}

void ConnectHeaders(Fields& f, std::string_view key, std::vector<ClientConfig::Header>& headers) {
  if (f.decoding()) {
    if (f.Has(key)) headers = DecodeConnectHeaders(f, key);
    return;
  }
  if (headers.empty()) return;
  std::vector<std::pair<std::string, NodePtr>> members;
  for (const ClientConfig::Header& header : headers) {
    std::vector<NodePtr> items(header.secrets.size() + header.values.size(),
                               config::MakePlain("<secret>"));
    members.emplace_back(header.name, config::MakeSequence(std::move(items)));
  }
  f.Put(key, config::MakeMapping(std::move(members)));
}

struct SecretList {
  std::vector<config::NodePtr> Print(const std::vector<std::string>& secrets) const {
    return std::vector<config::NodePtr>(secrets.size(), config::MakePlain("<secret>"));
  }
};

// The value of one http_headers key.
struct HeaderValue {
  ClientConfig::Header header;

  void Describe(Fields& f) {
    f.Type("config.Header");
    f.Field("values", header.values);
    if (f.printing() && !header.secrets.empty()) {
      f.Put("secrets", config::MakeSequence(SecretList().Print(header.secrets)));
    } else {
      f.Field("secrets", header.secrets);
    }
    f.Field("files", header.files);
  }
};

void HttpHeaders(Fields& f, std::string_view key, std::vector<ClientConfig::Header>& headers) {
  std::map<std::string, HeaderValue> values;
  for (const ClientConfig::Header& header : headers) values[header.name].header = header;
  f.Field(key, values);
  if (!f.decoding()) return;
  headers.clear();
  for (auto& [name, value] : values) {
    value.header.name = name;
    headers.push_back(std::move(value.header));
  }
}

void RefuseRefs(Fields& f, std::initializer_list<std::string_view> keys) {
  for (std::string_view key : keys) f.Refuse(key, "there is no secret manager");
}

}  // namespace

void Describe(Fields& f, TlsConfig& tls) {
  f.Type("config.plain", "config.TLSConfig");
  f.Field("ca", tls.ca);
  f.Field("cert", tls.cert);
  f.Secret("key", tls.key);
  f.Field("ca_file", tls.ca_file);
  f.Field("cert_file", tls.cert_file);
  f.Field("key_file", tls.key_file);
  RefuseRefs(f, {"ca_ref", "cert_ref", "key_ref"});
  f.Field("server_name", tls.server_name);
  f.Field("insecure_skip_verify", tls.insecure_skip_verify, Print::kAlways);
  TlsVersion(f, "min_version", tls.min_version);
  TlsVersion(f, "max_version", tls.max_version);
}

bool IsZero(const TlsConfig& tls) { return tls == TlsConfig{}; }

void Describe(Fields& f, ClientConfig::BasicAuth& auth) {
  f.Type("config.plain", "config.BasicAuth");
  f.Field("username", auth.username);
  f.Field("username_file", auth.username_file);
  f.Secret("password", auth.password);
  f.Field("password_file", auth.password_file);
  RefuseRefs(f, {"username_ref", "password_ref"});
}

void Describe(Fields& f, ClientConfig::Authorization& auth) {
  f.Type("config.plain", "config.Authorization");
  f.Field("type", auth.type);
  f.Secret("credentials", auth.credentials);
  f.Field("credentials_file", auth.credentials_file);
  RefuseRefs(f, {"credentials_ref"});
}

void Describe(Fields& f, ClientConfig::OAuth2& oauth) {
  f.Type("config.plain", "config.OAuth2");
  f.Field("client_id", oauth.client_id, Print::kAlways);
  f.Secret("client_secret", oauth.client_secret);
  f.Field("client_secret_file", oauth.client_secret_file);
  RefuseRefs(f, {"client_secret_ref"});
  std::string grant;
  f.Field("grant_type", grant);
  if (!grant.empty() && grant != "client_credentials") {
    f.Fail(Unimplemented("oauth2 grant_type {} is not implemented", GoQuote(grant)));
  }
  for (std::string_view key :
       {"client_certificate_key", "client_certificate_key_file", "client_certificate_key_ref",
        "client_certificate_key_id", "signature_algorithm", "iss", "audience", "claims"}) {
    f.Refuse(key, "it belongs to the JWT bearer grant of oauth2");
  }
  f.Field("scopes", oauth.scopes);
  f.Field("token_url", oauth.token_url, Print::kAlways);
  std::map<std::string, std::string> parameters(oauth.endpoint_params.begin(),
                                                oauth.endpoint_params.end());
  f.Field("endpoint_params", parameters);
  if (f.decoding()) oauth.endpoint_params = {parameters.begin(), parameters.end()};
  f.Field("tls_config", oauth.tls);
  ProxyFields(f, oauth.proxy_url, oauth.no_proxy, oauth.proxy_from_environment);
}

namespace {

// The deprecated spelling of authorization with the type Bearer.
void BearerToken(Fields& f, ClientConfig& client) {
  std::string token, file;
  f.Field("bearer_token", token);
  f.Field("bearer_token_file", file);
  if (!f.decoding() || (token.empty() && file.empty())) return;
  if (!token.empty() && !file.empty()) {
    f.Fail(InvalidArgument("at most one of bearer_token & bearer_token_file must be configured"));
  } else if (client.authorization.has_value()) {
    f.Fail(
        InvalidArgument("authorization is not compatible with bearer_token & bearer_token_file"));
  } else if (client.basic_auth.has_value() || client.oauth2.has_value()) {
    f.Fail(InvalidArgument(
        "at most one of basic_auth, oauth2, bearer_token & bearer_token_file must be configured"));
  } else {
    client.authorization = ClientConfig::Authorization{"Bearer", token, file};
  }
}

}  // namespace

void Describe(Fields& f, ClientConfig& client) {
  f.Type("config.plain", "config.HTTPClientConfig");
  f.Field("basic_auth", client.basic_auth);
  f.Field("authorization", client.authorization);
  f.Field("oauth2", client.oauth2);
  BearerToken(f, client);
  f.Field("tls_config", client.tls);
  f.Field("follow_redirects", client.follow_redirects, Print::kAlways);
  f.Field("enable_http2", client.enable_http2, Print::kAlways);
  f.Url("proxy_url", client.proxy_url);
  f.Field("no_proxy", client.no_proxy);
  f.Field("proxy_from_environment", client.proxy_from_environment);
  ConnectHeaders(f, "proxy_connect_header", client.proxy_connect_headers);
  HttpHeaders(f, "http_headers", client.http_headers);
}

Status AfterDecode(ClientConfig& client) { return ValidateClientConfig(client); }

}  // namespace narthex::http

namespace narthex::config {
namespace {

void Join(std::string_view directory, std::string* path) { *path = JoinPath(directory, *path); }

}  // namespace

void ResolvePaths(http::TlsConfig& tls, std::string_view directory) {
  Join(directory, &tls.ca_file);
  Join(directory, &tls.cert_file);
  Join(directory, &tls.key_file);
}

void ResolvePaths(http::ClientConfig& client, std::string_view directory) {
  if (client.basic_auth.has_value()) {
    Join(directory, &client.basic_auth->username_file);
    Join(directory, &client.basic_auth->password_file);
  }
  if (client.authorization.has_value()) Join(directory, &client.authorization->credentials_file);
  if (client.oauth2.has_value()) {
    Join(directory, &client.oauth2->client_secret_file);
    ResolvePaths(client.oauth2->tls, directory);
  }
  ResolvePaths(client.tls, directory);
  for (http::ClientConfig::Header& header : client.http_headers) {
    for (std::string& file : header.files) Join(directory, &file);
  }
}

}  // namespace narthex::config
