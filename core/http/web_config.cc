#include "core/http/web_config.h"

#include <sys/stat.h>

#include "core/base/file.h"
#include "core/config/decode.h"
#include "core/config/types.h"
#include "core/http/bcrypt.h"

namespace narthex::http {
namespace {

constexpr size_t kMaxFileBytes = 4 << 20;

struct TlsVersion {
  tls::Version version = tls::Version::kTls12;
  std::string text;
  static StatusOr<TlsVersion> ParseText(std::string_view value) {
    NX_ASSIGN_OR_RETURN(const tls::Version version, tls::ParseVersion(value));
    return TlsVersion{version, std::string(value)};
  }
  std::string ToText() const { return text; }
  bool IsZero() const { return text.empty(); }
};

struct CipherName {
  std::string text;
  static StatusOr<CipherName> ParseText(std::string_view value) {
    NX_RETURN_IF_ERROR(tls::CheckCipherName(value));
    return CipherName{std::string(value)};
  }
  std::string ToText() const { return text; }
  bool IsZero() const { return text.empty(); }
};

struct CurveName {
  std::string text;
  static StatusOr<CurveName> ParseText(std::string_view value) {
    NX_RETURN_IF_ERROR(tls::CheckCurveName(value));
    return CurveName{std::string(value)};
  }
  std::string ToText() const { return text; }
  bool IsZero() const { return text.empty(); }
};

struct TlsSection {
  std::string cert, key, client_ca, cert_file, key_file, client_auth, client_ca_file;
  std::vector<CipherName> ciphers;
  std::vector<CurveName> curves;
  TlsVersion min_version{tls::Version::kTls12, "TLS12"};
  TlsVersion max_version{tls::Version::kTls13, "TLS13"};
  bool prefer_server_ciphers = true;
  std::vector<std::string> allowed_sans;

  void Describe(config::Fields& f) {
    f.Type("web.TLSConfig");
    f.Field("cert", cert);
    f.Secret("key", key);
    f.Field("client_ca", client_ca);
    f.Field("cert_file", cert_file);
    f.Field("key_file", key_file);
    f.Field("client_auth_type", client_auth);
    f.Field("client_ca_file", client_ca_file);
    f.Field("cipher_suites", ciphers);
    f.Field("curve_preferences", curves);
    f.Field("min_version", min_version);
    f.Field("max_version", max_version);
    f.Field("prefer_server_cipher_suites", prefer_server_ciphers);
    f.Field("client_allowed_sans", allowed_sans);
  }
};

struct HttpSection {
  bool http2 = true;  // accepted; answered with HTTP/1.1
  std::map<std::string, std::string> headers;

  void Describe(config::Fields& f) {
    f.Type("web.HTTPConfig");
    f.Field("http2", http2);
    f.Field("headers", headers);
  }
};

struct RateSection {
  int64_t burst = 0;
  config::GoDuration interval;

  void Describe(config::Fields& f) {
    f.Type("web.RateLimiterConfig");
    f.Field("burst", burst);
    f.Field("interval", interval);
  }
};

struct Document {
  TlsSection tls;
  HttpSection http;
  RateSection rate;
  std::map<std::string, std::string> users;

  void Describe(config::Fields& f) {
    f.Type("web.Config");
    f.Field("tls_server_config", tls);
    f.Field("http_server_config", http);
    f.Field("rate_limit", rate);
    f.Field("basic_auth_users", users);
  }
};

Status CheckHeaders(const std::map<std::string, std::string>& headers) {
  // The only headers that can be set, and the values each may have; none listed means any.
  static const std::map<std::string, std::vector<std::string>> kAllowed = {
      {"Strict-Transport-Security", {}},
      {"X-Content-Type-Options", {"nosniff"}},
      {"X-Frame-Options", {"deny", "sameorigin"}},
      {"X-XSS-Protection", {}},
      {"Content-Security-Policy", {}}};
  for (const auto& [name, value] : headers) {
    const auto allowed = kAllowed.find(name);
    if (allowed == kAllowed.end()) {
      return InvalidArgument("HTTP header \"{}\" can not be configured", name);
    }
    const auto& values = allowed->second;
    if (!values.empty() && std::find(values.begin(), values.end(), value) == values.end()) {
      return InvalidArgument("invalid value for {}. Expected one of: [{}], but got: {}", name,
                             fmt::join(values, " "), value);
    }
    if (value.find_first_of("\r\n") != std::string::npos) {
      return InvalidArgument("invalid value for {}: line break", name);
    }
  }
  return OkStatus();
}

StatusOr<tls::ClientAuth> ParseClientAuth(std::string_view name) {
  if (name.empty() || name == "NoClientCert") return tls::ClientAuth::kNone;
  if (name == "RequestClientCert") return tls::ClientAuth::kRequest;
  if (name == "RequireClientCert" || name == "RequireAnyClientCert") {
    return tls::ClientAuth::kRequireAny;
  }
  if (name == "VerifyClientCertIfGiven") return tls::ClientAuth::kVerifyIfGiven;
  if (name == "RequireAndVerifyClientCert") return tls::ClientAuth::kRequireAndVerify;
  return InvalidArgument("Invalid ClientAuth: {}", name);
}

bool AnyTls(const TlsSection& section) {
  return !section.cert.empty() || !section.cert_file.empty() || !section.key.empty() ||
         !section.key_file.empty() || !section.client_ca.empty() ||
         !section.client_ca_file.empty() || !section.client_auth.empty();
}

// The content of a file, which is then watched, or a value in line where no file is named.
StatusOr<std::string> InlineOrFile(const std::string& text, const std::string& file,
                                   std::string_view key, const std::string& directory,
                                   std::vector<std::string>* files) {
  if (file.empty()) return text;
  files->push_back(JoinPath(directory, file));
  auto content = ReadFile(files->back(), kMaxFileBytes);
  if (content.ok()) return content;
  return FailedPrecondition("failed to load {} ({}): {}", key, files->back(),
                            MessageOf(content.status()));
}

Status ReadTls(const TlsSection& section, const std::string& directory, WebConfig* config) {
  if (section.cert.empty() && section.cert_file.empty()) {
    return InvalidArgument("missing one of cert or cert_file");
  }
  if (section.key.empty() && section.key_file.empty()) {
    return InvalidArgument("missing one of key or key_file");
  }
  config->has_tls = true;
  tls::ServerSettings& out = config->tls;
  NX_ASSIGN_OR_RETURN(out.client_auth, ParseClientAuth(section.client_auth));
  const bool has_ca = !section.client_ca.empty() || !section.client_ca_file.empty();
  if (has_ca && out.client_auth == tls::ClientAuth::kNone) {
    return InvalidArgument("Client CA's have been configured without a Client Auth Policy");
  }
  NX_ASSIGN_OR_RETURN(out.certificate_pem, InlineOrFile(section.cert, section.cert_file,
                                                        "cert_file", directory, &config->files));
  NX_ASSIGN_OR_RETURN(out.key_pem, InlineOrFile(section.key, section.key_file, "key_file",
                                                directory, &config->files));
  NX_ASSIGN_OR_RETURN(out.client_ca_pem, InlineOrFile(section.client_ca, section.client_ca_file,
                                                      "client_ca_file", directory, &config->files));
  out.allowed_sans = section.allowed_sans;
  out.min_version = section.min_version.version;
  out.max_version = section.max_version.version;
  out.prefer_server_ciphers = section.prefer_server_ciphers;
  for (const CipherName& cipher : section.ciphers) out.cipher_suites.push_back(cipher.text);
  for (const CurveName& curve : section.curves) out.curves.push_back(curve.text);
  return OkStatus();
}

std::string DirectoryOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

}  // namespace

StatusOr<WebConfig> ParseWebConfig(std::string_view text, const std::string& directory) {
  Document document;
  NX_RETURN_IF_ERROR(config::Decode(text, &document));
  NX_RETURN_IF_ERROR(CheckHeaders(document.http.headers));
  for (const auto& [name, hash] : document.users) {
    NX_RETURN_IF_ERROR(Annotate(CheckBcryptHash(hash), fmt::format("user {}", name)));
  }
  if (document.rate.burst < 0 || document.rate.interval.nanos < 0) {
    return InvalidArgument("rate_limit: burst and interval must not be negative");
  }
  WebConfig config;
  config.headers = std::move(document.http.headers);
  config.users = std::move(document.users);
  config.rate_burst = document.rate.burst;
  config.rate_interval_nanos = document.rate.interval.nanos;
  if (AnyTls(document.tls)) NX_RETURN_IF_ERROR(ReadTls(document.tls, directory, &config));
  return config;
}

WebConfigFile::Stamp WebConfigFile::StampOf(const std::string& path) {
  struct stat info{};
  if (::stat(path.c_str(), &info) != 0) return {};
  return {{static_cast<int64_t>(info.st_dev), static_cast<int64_t>(info.st_ino), info.st_size,
           info.st_mtim.tv_sec * 1'000'000'000 + info.st_mtim.tv_nsec,
           info.st_ctim.tv_sec * 1'000'000'000 + info.st_ctim.tv_nsec, 1}};
}

void WebConfigFile::Refresh() {
  bool changed = stamps_.empty();
  for (const auto& [path, stamp] : stamps_) changed = changed || StampOf(path) != stamp;
  if (changed) Load();
}

void WebConfigFile::Load() {
  // Stamped before reading: a change in between is seen at the next look.
  std::vector<std::pair<std::string, Stamp>> stamps = {{path_, StampOf(path_)}};
  if (stamps_.empty()) stamps_ = stamps;
  config_.reset();
  context_.reset();
  status_ = OkStatus();
  const auto text = ReadFile(path_, kMaxFileBytes);
  if (!text.ok()) {
    status_ = text.status();
    stamps_ = std::move(stamps);
    return;
  }
  for (const auto& [path, stamp] : stamps_) {
    if (path != path_) stamps.emplace_back(path, StampOf(path));
  }
  auto config = ParseWebConfig(*text, DirectoryOf(path_));
  if (!config.ok()) {
    status_ = config.status();
    stamps_ = std::move(stamps);  // the files of before stay watched: one of them may be the cause
    return;
  }
  stamps.resize(1);
  for (const std::string& file : config->files) stamps.emplace_back(file, StampOf(file));
  stamps_ = std::move(stamps);
  if (config->has_tls) {
    auto context = tls::Context::ForServer(config->tls);
    if (!context.ok()) {
      status_ = context.status();
      return;
    }
    context_ = *std::move(context);
  }
  config_ = std::make_shared<const WebConfig>(*std::move(config));
}

StatusOr<std::shared_ptr<const WebConfig>> WebConfigFile::Current() {
  MutexLock lock(mutex_);
  Refresh();
  if (!status_.ok()) return status_;
  return config_;
}

StatusOr<std::shared_ptr<const tls::Context>> WebConfigFile::CurrentTls() {
  MutexLock lock(mutex_);
  Refresh();
  if (!status_.ok()) return status_;
  if (context_ == nullptr) return FailedPrecondition("TLS config is not present");
  return context_;
}

}  // namespace narthex::http
