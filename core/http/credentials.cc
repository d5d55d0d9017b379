#include "core/http/credentials.h"

#include "core/base/file.h"

namespace narthex::http {
namespace {

constexpr size_t kMaxSecretBytes = 1 << 20;
constexpr char kAlphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

int Sextet(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  if (c == '+') return 62;
  return c == '/' ? 63 : -1;
}

std::string TrimSpace(std::string text) {
  const auto is_space = [](char c) { return c == ' ' || (c >= '\t' && c <= '\r'); };
  while (!text.empty() && is_space(text.back())) text.pop_back();
  size_t start = 0;
  while (start < text.size() && is_space(text[start])) ++start;
  return text.substr(start);
}

StatusOr<std::string> ReadTrimmed(const std::string& file) {
  NX_ASSIGN_OR_RETURN(std::string content, ReadFile(file, kMaxSecretBytes));
  return TrimSpace(std::move(content));
}

}  // namespace

std::string Base64Encode(std::string_view data) {
  std::string out;
  out.reserve((data.size() + 2) / 3 * 4);
  for (size_t i = 0; i < data.size(); i += 3) {
    uint32_t group = 0;
    for (size_t j = 0; j < 3; ++j) {
      group = group << 8 | (i + j < data.size() ? static_cast<unsigned char>(data[i + j]) : 0);
    }
    for (size_t j = 0; j < 4; ++j) {
      out.push_back(i + j <= data.size() ? kAlphabet[group >> (18 - 6 * j) & 63] : '=');
    }
  }
  return out;
}

std::optional<std::string> Base64Decode(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  size_t padding = 0;
  while (padding < 2 && text.ends_with('=')) {
    text.remove_suffix(1);
    ++padding;
  }
  std::string out;
  uint32_t bits = 0;
  int count = 0;
  for (const char c : text) {
    const int value = Sextet(c);
    if (value < 0) return std::nullopt;
    bits = bits << 6 | static_cast<uint32_t>(value);
    count += 6;
    if (count >= 8) {
      count -= 8;
      out.push_back(static_cast<char>(bits >> count & 0xff));
    }
  }
  return out;
}

std::string BasicCredentials(std::string_view user, std::string_view password) {
  return "Basic " + Base64Encode(fmt::format("{}:{}", user, password));
}

StatusOr<std::string> ReadSecret(const std::string& value, const std::string& file) {
  if (file.empty()) return value;
  StatusOr<std::string> content = ReadTrimmed(file);
  if (!content.ok()) return Annotate(content.status(), "unable to read file " + file);
  return content;
}

Status AddAuthorization(const ClientConfig& config, Headers* headers) {
  if (headers->Has("Authorization")) return OkStatus();
  if (config.basic_auth) {
    const auto user = ReadSecret(config.basic_auth->username, config.basic_auth->username_file);
    if (!user.ok()) {
      return FailedPrecondition("unable to read basic auth username: {}", MessageOf(user.status()));
    }
    const auto password = ReadSecret(config.basic_auth->password, config.basic_auth->password_file);
    if (!password.ok()) {
      return FailedPrecondition("unable to read basic auth password: {}",
                                MessageOf(password.status()));
    }
    headers->Set("Authorization", BasicCredentials(*user, *password));
  }
  if (config.authorization) {
    const auto secret =
        ReadSecret(config.authorization->credentials, config.authorization->credentials_file);
    if (!secret.ok()) {
      return FailedPrecondition("unable to read authorization credentials: {}",
                                MessageOf(secret.status()));
    }
    const std::string& type = config.authorization->type;
    headers->Set("Authorization", fmt::format("{} {}", type.empty() ? "Bearer" : type, *secret));
  }
  return OkStatus();
}

Status AddConfiguredHeaders(const std::vector<ClientConfig::Header>& configured, Headers* headers) {
  for (const ClientConfig::Header& header : configured) {
    for (const std::string& value : header.values) headers->Add(header.name, value);
    for (const std::string& value : header.secrets) headers->Add(header.name, value);
    for (const std::string& file : header.files) {
      const auto value = ReadTrimmed(file);
      if (!value.ok()) {
        return FailedPrecondition("unable to read headers file {}: {}", file,
                                  MessageOf(value.status()));
      }
      headers->Add(header.name, *value);
    }
  }
  return OkStatus();
}

}  // namespace narthex::http
