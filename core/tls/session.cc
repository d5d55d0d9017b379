#include <arpa/inet.h>
#include <openssl/err.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "core/tls/context.h"

namespace narthex::tls {

// The names of a certificate, apart as errors list them.
struct SanList {
  std::vector<std::string> dns, other;  // other: e-mail, IP, URI
  std::vector<std::string> All() const {
    std::vector<std::string> all = dns;
    all.insert(all.end(), other.begin(), other.end());
    return all;
  }
};

struct Session::Impl {
  std::shared_ptr<const Context> context;
  SanList refused;                 // names of a server's certificate that did not verify
  std::unique_ptr<Session> outer;  // null: the socket
  SslPtr ssl;
  std::string server_name;
  int fd = -1;
  int error = 0;     // errno of the last failed call on the socket
  bool eof = false;  // the socket has ended, politely or not
};

namespace {

// A BIO on the socket: the stock one would raise SIGPIPE.
int BioWrite(BIO* bio, const char* data, int size);
int BioRead(BIO* bio, char* data, int size);

long BioControl(BIO*, int command, long, void*) { return command == BIO_CTRL_FLUSH ? 1 : 0; }

const BIO_METHOD* SocketMethod() {
  static BIO_METHOD* const method = [] {
    BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "narthex socket");
    BIO_meth_set_write(made, &BioWrite);
    BIO_meth_set_read(made, &BioRead);
    BIO_meth_set_ctrl(made, &BioControl);
    return made;
  }();
  return method;
}

// What the socket side needs to know of a session; lives in Session::Impl.
struct SocketState {
  int* fd;
  int* error;
  bool* eof;
  Session* outer;
};

SocketState* StateOf(BIO* bio) { return static_cast<SocketState*>(BIO_get_data(bio)); }

// What the session around this one has come to, as a BIO tells it.
int FromOuter(BIO* bio, SocketState* state, const Session::Result& result) {
  switch (result.state) {
    case Session::State::kDone: return static_cast<int>(result.bytes);
    case Session::State::kWantRead: BIO_set_retry_read(bio); return -1;
    case Session::State::kWantWrite: BIO_set_retry_write(bio); return -1;
    case Session::State::kEof: *state->eof = true; return 0;
    case Session::State::kError: break;
  }
  *state->error = result.error != 0 ? result.error : EPROTO;
  return -1;
}

int BioWrite(BIO* bio, const char* data, int size) {
  SocketState* state = StateOf(bio);
  BIO_clear_retry_flags(bio);
  if (state->outer != nullptr) {
    return FromOuter(bio, state, state->outer->Write({data, static_cast<size_t>(size)}));
  }
  for (;;) {
    const ssize_t n =
        ::send(*state->fd, data, static_cast<size_t>(size), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n >= 0) return static_cast<int>(n);
    if (errno == EINTR) continue;
    if (errno == EAGAIN || errno == EWOULDBLOCK) {
      BIO_set_retry_write(bio);
    } else {
      *state->error = errno;
    }
    return -1;
  }
}

int BioRead(BIO* bio, char* data, int size) {
  SocketState* state = StateOf(bio);
  BIO_clear_retry_flags(bio);
  if (state->outer != nullptr) {
    return FromOuter(bio, state, state->outer->Read(data, static_cast<size_t>(size)));
  }
  for (;;) {
    const ssize_t n = ::recv(*state->fd, data, static_cast<size_t>(size), MSG_DONTWAIT);
    if (n > 0) return static_cast<int>(n);
    if (n == 0) {
      *state->eof = true;
      return 0;
    }
    if (errno == EINTR) continue;
    if (errno == EAGAIN || errno == EWOULDBLOCK) {
      BIO_set_retry_read(bio);
    } else {
      *state->error = errno;
    }
    return -1;
  }
}

bool IsAddress(const std::string& host) {
  unsigned char buffer[16];
  return ::inet_pton(AF_INET, host.c_str(), buffer) == 1 ||
         ::inet_pton(AF_INET6, host.c_str(), buffer) == 1;
}

std::string_view Text(const ASN1_STRING* string) {
  return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(string)),
          static_cast<size_t>(ASN1_STRING_length(string))};
}

std::string FormatIp(const ASN1_STRING* string) {
  char text[INET6_ADDRSTRLEN] = "";
  const int family = ASN1_STRING_length(string) == 4 ? AF_INET : AF_INET6;
  if (family == AF_INET6 && ASN1_STRING_length(string) != 16) return {};
  ::inet_ntop(family, ASN1_STRING_get0_data(string), text, sizeof text);
  return text;
}

SanList ReadSans(X509* certificate) {
  SanList list;
  const std::unique_ptr<GENERAL_NAMES, Free<&GENERAL_NAMES_free>> names(static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  if (names == nullptr) return list;
  for (int i = 0; i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
    switch (name->type) {
      case GEN_DNS: list.dns.emplace_back(Text(name->d.dNSName)); break;
      case GEN_EMAIL: list.other.emplace_back(Text(name->d.rfc822Name)); break;
      case GEN_URI: list.other.emplace_back(Text(name->d.uniformResourceIdentifier)); break;
      case GEN_IPADD: list.other.push_back(FormatIp(name->d.iPAddress)); break;
      default: break;
    }
  }
  return list;
}

// OpenSSL forgets a certificate that failed; its names are wanted for the error.
int RememberRefused(int ok, X509_STORE_CTX* store) {
  if (ok == 1) return 1;
  const auto* ssl = static_cast<const SSL*>(
      X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
  X509* leaf = X509_STORE_CTX_get0_cert(store);
  if (leaf != nullptr) *static_cast<SanList*>(SSL_get_app_data(ssl)) = ReadSans(leaf);
  return 0;
}

std::string VerifyFailure(SSL* ssl, const std::string& server_name, const SanList& sans) {
  const long result = SSL_get_verify_result(ssl);
  std::string why;
  switch (result) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
    case X509_V_ERR_CERT_NOT_YET_VALID:
      why = "x509: certificate has expired or is not yet valid";
      break;
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
      why = "x509: certificate signed by unknown authority";
      break;
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH: {
      const bool address = result == X509_V_ERR_IP_ADDRESS_MISMATCH;
      const auto& names = address ? sans.other : sans.dns;
      if (names.empty()) {
        why = address ? fmt::format(
                            "x509: cannot validate certificate for {} because it doesn't "
                            "contain any IP SANs",
                            server_name)
                      : fmt::format(
                            "x509: certificate is not valid for any names, but wanted to "
                            "match {}",
                            server_name);
      } else {
        why = fmt::format("x509: certificate is valid for {}, not {}", fmt::join(names, ", "),
                          server_name);
      }
      break;
    }
    default: why = fmt::format("x509: {}", X509_verify_cert_error_string(result));
  }
  return "tls: failed to verify certificate: " + why;
}

}  // namespace

StatusOr<std::unique_ptr<Session>> Session::Accept(std::shared_ptr<const Context> context, int fd) {
  return Connect(std::move(context), fd, {});
}

StatusOr<std::unique_ptr<Session>> Session::Connect(std::shared_ptr<const Context> context, int fd,
                                                    const std::string& server_name) {
  return Make(std::move(context), fd, nullptr, server_name);
}

StatusOr<std::unique_ptr<Session>> Session::ConnectThrough(std::shared_ptr<const Context> context,
                                                           std::unique_ptr<Session> outer,
                                                           const std::string& server_name) {
  const int fd = outer->impl_->fd;
  return Make(std::move(context), fd, std::move(outer), server_name);
}

StatusOr<std::unique_ptr<Session>> Session::Make(std::shared_ptr<const Context> context, int fd,
                                                 std::unique_ptr<Session> outer,
                                                 const std::string& server_name) {
  ERR_clear_error();
  std::unique_ptr<Session> session(new Session());
  session->impl_ = std::make_unique<Impl>();
  Impl& impl = *session->impl_;
  impl.ssl.reset(SSL_new(context->impl_->context.get()));
  if (impl.ssl == nullptr) return Internal("OpenSSL: {}", TakeOpenSslError());
  impl.context = std::move(context);
  impl.fd = fd;
  impl.outer = std::move(outer);
  impl.server_name = server_name;
  BIO* bio = BIO_new(SocketMethod());
  if (bio == nullptr) return Internal("OpenSSL: {}", TakeOpenSslError());
  BIO_set_data(bio, new SocketState{&impl.fd, &impl.error, &impl.eof, impl.outer.get()});
  BIO_set_init(bio, 1);
  SSL_set_bio(impl.ssl.get(), bio, bio);
  if (impl.context->impl_->server) {
    SSL_set_accept_state(impl.ssl.get());
    return session;
  }
  SSL_set_connect_state(impl.ssl.get());
  if (SSL_get_verify_mode(impl.ssl.get()) == SSL_VERIFY_PEER) {
    SSL_set_app_data(impl.ssl.get(), &impl.refused);
    SSL_set_verify(impl.ssl.get(), SSL_VERIFY_PEER, &RememberRefused);
  }
  X509_VERIFY_PARAM* verify = SSL_get0_param(impl.ssl.get());
  if (IsAddress(server_name)) {
    X509_VERIFY_PARAM_set1_ip_asc(verify, server_name.c_str());
  } else {
    X509_VERIFY_PARAM_set_hostflags(
        verify, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
    X509_VERIFY_PARAM_set1_host(verify, server_name.data(), server_name.size());
    SSL_set_tlsext_host_name(impl.ssl.get(), server_name.c_str());
  }
  return session;
}

Session::~Session() {
  if (impl_ == nullptr || impl_->ssl == nullptr) return;
  BIO* bio = SSL_get_rbio(impl_->ssl.get());
  if (bio != nullptr) delete static_cast<SocketState*>(BIO_get_data(bio));
}

Session::Result Session::Handshake() {
  ERR_clear_error();
  impl_->error = 0;
  const int result = SSL_do_handshake(impl_->ssl.get());
  if (result != 1) return Translate(result, true);
  const Status status = CheckPeer();
  if (status.ok()) return {};
  failure_ = MessageOf(status);
  return {State::kError, 0, 0};
}

Session::Result Session::Read(char* data, size_t size) {
  ERR_clear_error();
  impl_->error = 0;
  size_t bytes = 0;
  const int result = SSL_read_ex(impl_->ssl.get(), data, size, &bytes);
  if (result == 1) return {State::kDone, bytes, 0};
  return Translate(result, false);
}

Session::Result Session::Write(std::string_view data) {
  ERR_clear_error();
  impl_->error = 0;
  size_t bytes = 0;
  const int result = SSL_write_ex(impl_->ssl.get(), data.data(), data.size(), &bytes);
  if (result == 1) return {State::kDone, bytes, 0};
  return Translate(result, false);
}

bool Session::has_pending_input() const {
  return impl_->outer != nullptr && SSL_pending(impl_->outer->impl_->ssl.get()) > 0;
}

void Session::Shutdown() {
  ERR_clear_error();
  SSL_shutdown(impl_->ssl.get());
  ERR_clear_error();
}

Session::Result Session::Translate(int result, bool handshake) {
  switch (SSL_get_error(impl_->ssl.get(), result)) {
    case SSL_ERROR_WANT_READ: return {State::kWantRead, 0, 0};
    case SSL_ERROR_WANT_WRITE: return {State::kWantWrite, 0, 0};
    case SSL_ERROR_ZERO_RETURN: return {State::kEof, 0, 0};
    default: break;
  }
  const int error = impl_->error;
  if (error != 0) {
    ERR_clear_error();
    failure_ = "connection failed during the TLS handshake";
    return {State::kError, 0, error};
  }
  if (impl_->eof) {
    ERR_clear_error();
    failure_ = "EOF";
    // A server takes any end for an end. A client must not take a cut answer for a whole one.
    if (impl_->context->impl_->server || handshake) return {State::kEof, 0, 0};
    return {State::kError, 0, ECONNRESET};
  }
  const int reason = ERR_GET_REASON(ERR_peek_error());
  peer_speaks_http_ = reason == SSL_R_HTTP_REQUEST;
  if (reason == SSL_R_CERTIFICATE_VERIFY_FAILED) {
    ERR_clear_error();
    failure_ = VerifyFailure(impl_->ssl.get(), impl_->server_name, impl_->refused);
  } else if (reason == SSL_R_WRONG_VERSION_NUMBER && handshake && !impl_->context->impl_->server) {
    ERR_clear_error();
    failure_ = kNoTlsRecord;
  } else {
    std::string text = TakeOpenSslError();
    // Alerts of the peer: "sslv3 alert bad certificate" -> Go's "remote error: tls: bad
    // certificate".
    const size_t alert = text.find("alert ");
    failure_ = alert == std::string::npos ? "tls: " + text
                                          : "remote error: tls: " + text.substr(alert + 6);
  }
  return {State::kError, 0, 0};
}

Status Session::CheckPeer() const {
  const auto& allowed = impl_->context->impl_->allowed_sans;
  if (allowed.empty()) return OkStatus();
  const X509Ptr peer(SSL_get1_peer_certificate(impl_->ssl.get()));
  if (peer == nullptr) return PermissionDenied("no client cert, and SANs are asked for");
  const std::vector<std::string> found = ReadSans(peer.get()).All();
  for (const std::string& san : found) {
    if (std::find(allowed.begin(), allowed.end(), san) != allowed.end()) return OkStatus();
  }
  return PermissionDenied("could not find allowed SANs in client cert, found: [{}]",
                          fmt::join(found, " "));
}

}  // namespace narthex::tls
