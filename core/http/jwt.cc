#include "core/http/jwt.h"

#include <map>

#include "core/http/credentials.h"
#include "core/json/writer.h"
#include "core/tls/sign.h"

namespace narthex::http {
namespace {

constexpr int64_t kLifetimeSeconds = 600;

using Members = std::map<std::string, std::string>;  // name -> JSON

std::string JsonText(std::string_view text) {
  std::string out;
  AppendJsonString(&out, text);
  return out;
}

// Base 64 of RFC 7515: fit for URLs, without padding.
std::string Encode(std::string_view data) {
  std::string out = Base64Encode(data);
  while (out.ends_with('=')) out.pop_back();
  for (char& c : out) c = c == '+' ? '-' : c == '/' ? '_' : c;
  return out;
}

std::string EncodeObject(const Members& members) {
  std::string text;
  JsonWriter json(&text);
  json.BeginObject();
  for (const auto& [name, value] : members) json.Key(name).Raw(value);
  json.EndObject();
  return Encode(text);
}

tls::RsaDigest DigestOf(const std::string& algorithm) {
  if (algorithm == "RS384") return tls::RsaDigest::kSha384;
  return algorithm == "RS512" ? tls::RsaDigest::kSha512 : tls::RsaDigest::kSha256;
}

}  // namespace

StatusOr<std::string> JwtAssertion(const ClientConfig::OAuth2& config, std::string_view key_pem,
                                   std::string_view id, int64_t now_seconds) {
  const std::string algorithm =
      config.signature_algorithm.empty() ? "RS256" : config.signature_algorithm;
  Members header = {{"alg", JsonText(algorithm)}, {"typ", JsonText("JWT")}};
  if (!config.client_certificate_key_id.empty()) {
    header["kid"] = JsonText(config.client_certificate_key_id);
  }
  Members claims = {
      {"iss", JsonText(config.iss.empty() ? config.client_id : config.iss)},
      {"sub", JsonText(config.client_id)},
      {"aud", JsonText(config.audience.empty() ? config.token_url : config.audience)},
      {"jti", JsonText(id)},
      {"iat", fmt::format("{}", now_seconds)},
      {"exp", fmt::format("{}", now_seconds + kLifetimeSeconds)},
  };
  if (!config.scopes.empty()) {
    claims["scope"] = JsonText(fmt::format("{}", fmt::join(config.scopes, " ")));
  }
  claims.insert(config.claims.begin(), config.claims.end());
  const std::string content = EncodeObject(header) + "." + EncodeObject(claims);
  NX_ASSIGN_OR_RETURN(const std::string signature,
                      tls::SignRsa(key_pem, DigestOf(algorithm), content));
  return content + "." + Encode(signature);
}

}  // namespace narthex::http
