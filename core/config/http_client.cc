#include "core/config/http_client.h"

#include <algorithm>

#include "core/base/file.h"
#include "core/config/url.h"
#include "core/http/jwt.h"
#include "core/json/writer.h"
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

void WriteJson(const Node& node, JsonWriter* json);

void WriteScalar(const Node& node, JsonWriter* json) {
  const config::Scalar scalar = config::Resolve(node);
  switch (scalar.type) {
    case config::ScalarType::kNull: json->Null(); return;
    case config::ScalarType::kBool: json->Bool(scalar.boolean); return;
    case config::ScalarType::kInt:
      scalar.is_unsigned ? json->Uint(static_cast<uint64_t>(scalar.integer))
                         : json->Int(scalar.integer);
      return;
    case config::ScalarType::kFloat: json->Double(scalar.number); return;
    default: json->String(node.value);
  }
}

void WriteObject(const Node& mapping, JsonWriter* json) {
  json->BeginObject();
  if (const auto entries = config::Entries(mapping); entries.ok()) {
    for (const config::Entry& entry : *entries) {
      if (entry.duplicate) continue;
      json->Key(entry.key);
      WriteJson(*entry.value, json);
    }
  }
  json->EndObject();
}

// The reader limits the depth.
void WriteJson(const Node& node, JsonWriter* json) {
  switch (node.kind) {
    case Node::Kind::kNull: json->Null(); return;
    case Node::Kind::kScalar: return WriteScalar(node, json);
    case Node::Kind::kSequence:
      json->BeginArray();
      for (const NodePtr& item : node.items) WriteJson(*item, json);
      json->EndArray();
      return;
    case Node::Kind::kMapping: WriteObject(node, json);
  }
}

// A mapping of any values.
void JsonMembers(Fields& f, std::string_view key, std::map<std::string, std::string>& members) {
  if (f.printing()) {
    std::vector<std::pair<std::string, NodePtr>> printed;
    for (const auto& [name, json] : members) {
      if (auto value = config::ReadDocument(json); value.ok()) printed.emplace_back(name, *value);
    }
    if (!printed.empty()) f.Put(key, config::MakeMapping(std::move(printed)));
    return;
  }
  const Node* node = f.Take(key);
  if (node == nullptr) return;
  if (!node->is_mapping()) return f.context()->AddMismatch(*node, "map[string]interface {}");
  const auto entries = config::Entries(*node);
  if (!entries.ok()) return f.Fail(entries.status());
  for (const config::Entry& entry : *entries) {
    std::string text;
    JsonWriter json(&text);
    WriteJson(*entry.value, &json);
    members[entry.key] = std::move(text);
  }
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
  f.Field("ca_ref", tls.ca_ref);
  f.Field("cert_ref", tls.cert_ref);
  f.Field("key_ref", tls.key_ref);
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
  f.Field("username_ref", auth.username_ref);
  f.Secret("password", auth.password);
  f.Field("password_file", auth.password_file);
  f.Field("password_ref", auth.password_ref);
}

void Describe(Fields& f, ClientConfig::Authorization& auth) {
  f.Type("config.plain", "config.Authorization");
  f.Field("type", auth.type);
  f.Secret("credentials", auth.credentials);
  f.Field("credentials_file", auth.credentials_file);
  f.Field("credentials_ref", auth.credentials_ref);
}

void Describe(Fields& f, ClientConfig::OAuth2& oauth) {
  f.Type("config.plain", "config.OAuth2");
  f.Field("client_id", oauth.client_id, Print::kAlways);
  f.Secret("client_secret", oauth.client_secret);
  f.Field("client_secret_file", oauth.client_secret_file);
  f.Field("client_secret_ref", oauth.client_secret_ref);
  f.Field("client_certificate_key_id", oauth.client_certificate_key_id);
  f.Secret("client_certificate_key", oauth.client_certificate_key);
  f.Field("client_certificate_key_file", oauth.client_certificate_key_file);
  f.Field("client_certificate_key_ref", oauth.client_certificate_key_ref);
  f.Field("grant_type", oauth.grant_type);
  if (const std::string& grant = oauth.grant_type;
      f.decoding() && !grant.empty() && grant != "client_credentials" && grant != kJwtBearerGrant) {
    f.Fail(InvalidArgument("line {}: unknown oauth2 grant_type {}", f.line(), GoQuote(grant)));
  }
  f.Field("signature_algorithm", oauth.signature_algorithm);
  f.Field("iss", oauth.iss);
  f.Field("audience", oauth.audience);
  JsonMembers(f, "claims", oauth.claims);
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
    client.authorization =
        ClientConfig::Authorization{.credentials = token, .credentials_file = file};
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
    Join(directory, &client.oauth2->client_certificate_key_file);
    ResolvePaths(client.oauth2->tls, directory);
  }
  ResolvePaths(client.tls, directory);
  for (http::ClientConfig::Header& header : client.http_headers) {
    for (std::string& file : header.files) Join(directory, &file);
  }
}

}  // namespace narthex::config
