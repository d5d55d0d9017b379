#pragma once
// TLS on OpenSSL, which no header outside this folder names: contexts made from PEM text, and
// sessions over a non-blocking socket.
//
// A Context is immutable and shared by its sessions; reloading means making another one. A Session
// does not own its socket, never blocks and holds no record buffers while idle.
//
// Thread safety: Context from any thread; a Session belongs to one thread.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/status.h"

namespace narthex::tls {

enum class Version { kTls10, kTls11, kTls12, kTls13 };
// "TLS10" … "TLS13".
StatusOr<Version> ParseVersion(std::string_view name);

enum class ClientAuth { kNone, kRequest, kRequireAny, kVerifyIfGiven, kRequireAndVerify };

struct ServerSettings {
  std::string certificate_pem, key_pem;  // the chain, leaf first
  std::string client_ca_pem;             // empty: the system's roots
  ClientAuth client_auth = ClientAuth::kNone;
  std::vector<std::string>
      allowed_sans;  // a client certificate must carry one of these; empty: any
  Version min_version = Version::kTls12;
  Version max_version = Version::kTls13;
  std::vector<std::string> cipher_suites;  // Go names; empty: default
  std::vector<std::string> curves;         // Go names; empty: default
  bool prefer_server_ciphers = true;
};

struct ClientSettings {
  std::string ca_pem;  // empty: the system's roots
  std::string certificate_pem, key_pem;
  bool skip_verify = false;
  Version min_version = Version::kTls12;
  Version max_version = Version::kTls13;
};

class Context {
 public:
  static StatusOr<std::shared_ptr<const Context>> ForServer(const ServerSettings& settings);
  static StatusOr<std::shared_ptr<const Context>> ForClient(const ClientSettings& settings);
  ~Context();

 private:
  friend class Session;
  Context() = default;
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// InvalidArgument("unknown cipher: X") / ("unknown curve: X").
Status CheckCipherName(std::string_view go_name);
Status CheckCurveName(std::string_view go_name);

// The failure of a handshake with a peer that does not speak TLS.
inline constexpr std::string_view kNoTlsRecord =
    "tls: first record does not look like a TLS handshake";

class Session {
 public:
  enum class State { kDone, kWantRead, kWantWrite, kEof, kError };
  struct Result {
    State state = State::kDone;
    size_t bytes = 0;
    int error = 0;  // errno with kError, 0 for a failure of TLS itself
  };

  static StatusOr<std::unique_ptr<Session>> Accept(std::shared_ptr<const Context> context, int fd);
  // `server_name` (a name or an address) is asked for and verified.
  static StatusOr<std::unique_ptr<Session>> Connect(std::shared_ptr<const Context> context, int fd,
                                                    const std::string& server_name);
  // The same inside a session whose handshake is done, through which everything goes from here on.
  static StatusOr<std::unique_ptr<Session>> ConnectThrough(std::shared_ptr<const Context> context,
                                                           std::unique_ptr<Session> outer,
                                                           const std::string& server_name);
  ~Session();

  Result Handshake();
  // Why the handshake failed, in the words of Go's crypto/tls where it has them.
  const std::string& failure() const { return failure_; }
  // A server was spoken to in plain HTTP.
  bool peer_speaks_http() const { return peer_speaks_http_; }

  Result Read(char* data, size_t size);
  Result Write(std::string_view data);
  // Of a session in another: there is input that the socket will not tell of.
  bool has_pending_input() const;
  // Tells the peer that no more will come; best effort.
  void Shutdown();

 private:
  Session() = default;
  static StatusOr<std::unique_ptr<Session>> Make(std::shared_ptr<const Context> context, int fd,
                                                 std::unique_ptr<Session> outer,
                                                 const std::string& server_name);
  Result Translate(int result, bool handshake);
  Status CheckPeer() const;

  struct Impl;
  std::unique_ptr<Impl> impl_;
  std::string failure_;
  bool peer_speaks_http_ = false;
};

}  // namespace narthex::tls
