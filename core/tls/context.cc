#include "core/tls/context.h"

#include <openssl/err.h>
#include <openssl/pem.h>

namespace narthex::tls {
namespace {

struct CipherName {
  std::string_view go;
  std::string_view openssl;  // empty: TLS 1.3, always on
};

// The suites Go's crypto/tls considers secure; upstream accepts no others.
constexpr CipherName kCiphers[] = {
    {"TLS_AES_128_GCM_SHA256", ""},
    {"TLS_AES_256_GCM_SHA384", ""},
    {"TLS_CHACHA20_POLY1305_SHA256", ""},
    {"TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA", "ECDHE-ECDSA-AES128-SHA"},
    {"TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA", "ECDHE-ECDSA-AES256-SHA"},
    {"TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA", "ECDHE-RSA-AES128-SHA"},
    {"TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA", "ECDHE-RSA-AES256-SHA"},
    {"TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "ECDHE-ECDSA-AES128-GCM-SHA256"},
    {"TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", "ECDHE-ECDSA-AES256-GCM-SHA384"},
    {"TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "ECDHE-RSA-AES128-GCM-SHA256"},
    {"TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", "ECDHE-RSA-AES256-GCM-SHA384"},
    {"TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", "ECDHE-ECDSA-CHACHA20-POLY1305"},
    {"TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", "ECDHE-RSA-CHACHA20-POLY1305"},
};

// What Go offers up to TLS 1.2: no exchange of keys without forward secrecy.
constexpr char kDefaultCiphers[] =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
    "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
    "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305:"
    "ECDHE-ECDSA-AES128-SHA:ECDHE-RSA-AES128-SHA:ECDHE-ECDSA-AES256-SHA:ECDHE-RSA-AES256-SHA";

constexpr CipherName kCurves[] = {
    {"CurveP256", "P-256"}, {"CurveP384", "P-384"}, {"CurveP521", "P-521"}, {"X25519", "X25519"}};

const CipherName* Find(std::span<const CipherName> table, std::string_view name) {
  for (const CipherName& entry : table) {
    if (entry.go == name) return &entry;
  }
  return nullptr;
}

int OpenSslVersion(Version version) {
  switch (version) {
    case Version::kTls10: return TLS1_VERSION;
    case Version::kTls11: return TLS1_1_VERSION;
    case Version::kTls12: return TLS1_2_VERSION;
    case Version::kTls13: return TLS1_3_VERSION;
  }
  return TLS1_3_VERSION;
}

BioPtr MemoryBio(std::string_view text) {
  return BioPtr(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

// Never asks at a terminal for a pass phrase.
int NoPassword(char*, int, int, void*) { return 0; }

StatusOr<std::vector<X509Ptr>> ParseCertificates(std::string_view pem) {
  const BioPtr bio = MemoryBio(pem);
  std::vector<X509Ptr> list;
  for (;;) {
    X509Ptr certificate(PEM_read_bio_X509(bio.get(), nullptr, &NoPassword, nullptr));
    if (certificate == nullptr) break;
    list.push_back(std::move(certificate));
  }
  ERR_clear_error();
  if (list.empty()) return InvalidArgument("failed to find any PEM data in certificate input");
  return list;
}

Status UseKeyPair(SSL_CTX* context, std::string_view certificate_pem, std::string_view key_pem) {
  NX_ASSIGN_OR_RETURN(const auto chain, ParseCertificates(certificate_pem));
  if (SSL_CTX_use_certificate(context, chain[0].get()) != 1) {
    return InvalidArgument("{}", TakeOpenSslError());
  }
  for (size_t i = 1; i < chain.size(); ++i) {
    if (SSL_CTX_add1_chain_cert(context, chain[i].get()) != 1) {
      return InvalidArgument("{}", TakeOpenSslError());
    }
  }
  const BioPtr bio = MemoryBio(key_pem);
  const KeyPtr key(PEM_read_bio_PrivateKey(bio.get(), nullptr, &NoPassword, nullptr));
  if (key == nullptr) {
    ERR_clear_error();
    return InvalidArgument("failed to find any PEM data in key input");
  }
  if (SSL_CTX_use_PrivateKey(context, key.get()) != 1 || SSL_CTX_check_private_key(context) != 1) {
    ERR_clear_error();
    return InvalidArgument("private key does not match public key");
  }
  return OkStatus();
}

// The authorities peers are verified against; for servers also the names sent to clients.
Status UseAuthorities(SSL_CTX* context, std::string_view ca_pem, bool announce) {
  if (ca_pem.empty()) {
    SSL_CTX_set_default_verify_paths(context);
    ERR_clear_error();
    return OkStatus();
  }
  NX_ASSIGN_OR_RETURN(const auto authorities, ParseCertificates(ca_pem));
  X509_STORE* store = SSL_CTX_get_cert_store(context);
  for (const X509Ptr& authority : authorities) {
    X509_STORE_add_cert(store, authority.get());
    if (announce) SSL_CTX_add_client_CA(context, authority.get());
  }
  // A configured certificate is trusted as it is, root or not (Go's rule for RootCAs).
  X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN);
  ERR_clear_error();
  return OkStatus();
}

StatusOr<SslContextPtr> NewContext(const SSL_METHOD* method, Version min, Version max) {
  SslContextPtr context(SSL_CTX_new(method));
  if (context == nullptr) return Internal("OpenSSL: {}", TakeOpenSslError());
  if (min > max) return InvalidArgument("tls: min_version is above max_version");
  SSL_CTX_set_min_proto_version(context.get(), OpenSslVersion(min));
  SSL_CTX_set_max_proto_version(context.get(), OpenSslVersion(max));
  // TLS 1.0 and 1.1 sign with SHA-1, which only level 0 allows; otherwise Go's lower bounds on
  // keys.
  SSL_CTX_set_security_level(context.get(), min < Version::kTls12 ? 0 : 1);
  SSL_CTX_set_mode(context.get(), SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                      SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  return context;
}

Status UseCiphers(SSL_CTX* context, const std::vector<std::string>& names) {
  std::string list = names.empty() ? kDefaultCiphers : "";
  for (const std::string& name : names) {
    NX_RETURN_IF_ERROR(CheckCipherName(name));
    const std::string_view openssl = Find(kCiphers, name)->openssl;
    if (openssl.empty()) continue;
    if (!list.empty()) list.push_back(':');
    list.append(openssl);
  }
  if (list.empty()) {
    // Suites of TLS 1.3 alone leave nothing for older versions.
    SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
    return OkStatus();
  }
  if (SSL_CTX_set_cipher_list(context, list.c_str()) != 1) {
    return InvalidArgument("cipher_suites: {}", TakeOpenSslError());
  }
  return OkStatus();
}

Status UseCurves(SSL_CTX* context, const std::vector<std::string>& names) {
  if (names.empty()) return OkStatus();
  std::string list;
  for (const std::string& name : names) {
    NX_RETURN_IF_ERROR(CheckCurveName(name));
    if (!list.empty()) list.push_back(':');
    list.append(Find(kCurves, name)->openssl);
  }
  if (SSL_CTX_set1_groups_list(context, list.c_str()) != 1) {
    return InvalidArgument("curve_preferences: {}", TakeOpenSslError());
  }
  return OkStatus();
}

int AcceptAnyCertificate(int, X509_STORE_CTX*) { return 1; }

void UseClientAuth(SSL_CTX* context, ClientAuth policy) {
  switch (policy) {
    case ClientAuth::kNone: SSL_CTX_set_verify(context, SSL_VERIFY_NONE, nullptr); break;
    case ClientAuth::kRequest:
      SSL_CTX_set_verify(context, SSL_VERIFY_PEER, &AcceptAnyCertificate);
      break;
    case ClientAuth::kRequireAny:
      SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
                         &AcceptAnyCertificate);
      break;
    case ClientAuth::kVerifyIfGiven: SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr); break;
    case ClientAuth::kRequireAndVerify:
      SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
      break;
  }
}

// We speak HTTP/1.1 only, whatever else the client would like.
int SelectProtocol(SSL*, const unsigned char** out, unsigned char* out_length,
                   const unsigned char* offered, unsigned int offered_length, void*) {
  static constexpr unsigned char kHttp11[] = "\x08http/1.1";
  unsigned char* chosen = nullptr;
  if (SSL_select_next_proto(&chosen, out_length, kHttp11, sizeof kHttp11 - 1, offered,
                            offered_length) != OPENSSL_NPN_NEGOTIATED) {
    return SSL_TLSEXT_ERR_NOACK;
  }
  *out = chosen;
  return SSL_TLSEXT_ERR_OK;
}

}  // namespace

std::string TakeOpenSslError() {
  const unsigned long code = ERR_get_error();
  ERR_clear_error();
  if (code == 0) return "unknown error";
  const char* reason = ERR_reason_error_string(code);
  return reason == nullptr ? fmt::format("error {:x}", code) : reason;
}

StatusOr<Version> ParseVersion(std::string_view name) {
  if (name == "TLS10") return Version::kTls10;
  if (name == "TLS11") return Version::kTls11;
  if (name == "TLS12") return Version::kTls12;
  if (name == "TLS13") return Version::kTls13;
  return InvalidArgument("unknown TLS version: {}", name);
}

Status CheckCipherName(std::string_view go_name) {
  if (Find(kCiphers, go_name) != nullptr) return OkStatus();
  return InvalidArgument("unknown cipher: {}", go_name);
}

Status CheckCurveName(std::string_view go_name) {
  if (Find(kCurves, go_name) != nullptr) return OkStatus();
  return InvalidArgument("unknown curve: {}", go_name);
}

Context::~Context() = default;

StatusOr<std::shared_ptr<const Context>> Context::ForServer(const ServerSettings& settings) {
  NX_ASSIGN_OR_RETURN(SslContextPtr context,
                      NewContext(TLS_server_method(), settings.min_version, settings.max_version));
  NX_RETURN_IF_ERROR(UseKeyPair(context.get(), settings.certificate_pem, settings.key_pem));
  if (settings.client_auth == ClientAuth::kVerifyIfGiven ||
      settings.client_auth == ClientAuth::kRequireAndVerify) {
    NX_RETURN_IF_ERROR(UseAuthorities(context.get(), settings.client_ca_pem, true));
  }
  NX_RETURN_IF_ERROR(UseCiphers(context.get(), settings.cipher_suites));
  NX_RETURN_IF_ERROR(UseCurves(context.get(), settings.curves));
  UseClientAuth(context.get(), settings.client_auth);
  if (settings.prefer_server_ciphers) {
    SSL_CTX_set_options(context.get(), SSL_OP_CIPHER_SERVER_PREFERENCE);
  }
  static constexpr unsigned char kSessionContext[] = "narthex";
  SSL_CTX_set_session_id_context(context.get(), kSessionContext, sizeof kSessionContext - 1);
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
  SSL_CTX_set_alpn_select_cb(context.get(), &SelectProtocol, nullptr);
  std::shared_ptr<Context> out(new Context());
  out->impl_ = std::make_unique<Impl>();
  out->impl_->context = std::move(context);
  if (settings.client_auth != ClientAuth::kNone) {
    out->impl_->allowed_sans = settings.allowed_sans;
  }
  out->impl_->server = true;
  return std::shared_ptr<const Context>(std::move(out));
}

StatusOr<std::shared_ptr<const Context>> Context::ForClient(const ClientSettings& settings) {
  NX_ASSIGN_OR_RETURN(SslContextPtr context,
                      NewContext(TLS_client_method(), settings.min_version, settings.max_version));
  if (!settings.certificate_pem.empty()) {
    NX_RETURN_IF_ERROR(UseKeyPair(context.get(), settings.certificate_pem, settings.key_pem));
  }
  NX_RETURN_IF_ERROR(UseAuthorities(context.get(), settings.ca_pem, false));
  SSL_CTX_set_verify(context.get(), settings.skip_verify ? SSL_VERIFY_NONE : SSL_VERIFY_PEER,
                     nullptr);
  static constexpr unsigned char kProtocols[] = "\x08http/1.1";
  SSL_CTX_set_alpn_protos(context.get(), kProtocols, sizeof kProtocols - 1);
  std::shared_ptr<Context> out(new Context());
  out->impl_ = std::make_unique<Impl>();
  out->impl_->context = std::move(context);
  return std::shared_ptr<const Context>(std::move(out));
}

}  // namespace narthex::tls
