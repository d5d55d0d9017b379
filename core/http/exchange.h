#pragma once
// One request of the client from dialing to the end of the last redirect. A state machine on the
// thread of its loop; it lives in the loop's `active` set until its callback has run.
//
//   [token] -> pooled or dialed -> [SOCKS | [TLS to the proxy] -> [CONNECT]] -> [TLS] -> sent ->
//   head
//   -> body -> [redirect] -> done

#include <chrono>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "core/http/client_connection.h"
#include "core/http/client_impl.h"
#include "core/http/dial.h"
#include "core/http/prepared_request.h"
#include "core/http/response_parser.h"
#include "core/http/socks.h"

namespace narthex::http {

class Exchange final : public ConnectionOwner, public std::enable_shared_from_this<Exchange> {
 public:
  Exchange(std::shared_ptr<ClientImpl> client, std::shared_ptr<const PreparedRequest> request,
           Client::Callback callback);

  // On the loop's thread. The callback does not run before this has returned.
  void Start();
  void OnDeadline();
  void Fail(Status status);  // without a word about the request
  void ResumeBody();         // of a stream that was paused

 private:
  enum class Phase {
    kConnecting,
    kSocks,
    kProxyHandshake,
    kTunnel,
    kHandshake,
    kExchanging,
    kDone
  };

  // In exchange_connect.cc.
  void Authorize();
  void AwaitToken();
  void Connect();
  const std::shared_ptr<IdleConnections>& Home() const;
  void Adopt(std::shared_ptr<ClientConnection> connection);
  StatusOr<std::shared_ptr<ClientConnection>> TakePooled();
  void OnDialed(StatusOr<UniqueFd> fd);
  void AtProxy();
  void AtServer();
  void Say(std::string text);
  void StartSocks();
  void OnSocksAnswer(std::string_view data);
  void StartTunnel();
  void OnTunnelAnswer(std::string_view data);
  void StartTls(Phase phase, const std::string& host);
  bool InHandshake() const;
  void Handshake();
  Status OnTheWay(const Status& cause);

  void SendRequest();
  std::string RenderHead() const;

  void OnReadable(ClientConnection*) override;
  std::span<char> ReadRoom();
  void OnDirect(size_t bytes);
  bool IsDirect() const;
  void OnWritable(ClientConnection*) override { Send(); }
  void Send();
  void WakeWhenWhole();
  void StartParser();
  void OnInput(std::string_view data);
  void OnPeerEof();
  void OnTransportError(int error);
  void OnParseError();
  void OnResponse();
  bool IsRefusal() const;
  void EndRefusal();
  bool FollowRedirect();

  // Of streams; in client_stream.cc.
  bool IsStreamAlive();
  void StretchDeadline();
  void NoteStreamInput();

  void FailHop(const Status& cause);  // in the wording of Go's url.Error
  void LoseConnection(const Status& cause);
  bool CanRetry() const;
  void ReleaseConnection(bool reusable);
  void Deliver(StatusOr<ClientResponse> result);
  std::chrono::milliseconds TimeLeft() const;

  const std::shared_ptr<ClientImpl> client_;
  const std::shared_ptr<ClientLoop> loop_;
  const size_t loop_index_;
  std::shared_ptr<const PreparedRequest> now_;  // of this hop
  Client::Callback callback_;
  std::chrono::steady_clock::time_point deadline_;
  ClientLoop::Active::iterator place_;

  std::shared_ptr<Dial> dial_;
  std::shared_ptr<ClientConnection> connection_;
  std::string authorization_;
  std::string output_;
  size_t output_offset_ = 0;
  std::optional<SocksHandshake> socks_;
  std::string input_;  // of a tunnel
  std::optional<ResponseParser> parser_;
  Phase phase_ = Phase::kConnecting;
  int redirects_ = 0;
  bool credentials_allowed_ = true;
  bool retried_ = false;
  bool received_ = false;  // any byte of the answer
  bool starting_ = false;
  bool paused_ = false;
  std::chrono::steady_clock::time_point last_input_;  // of a stream's body
  bool excess_ = false;                               // the peer sent more than its answer
};

}  // namespace narthex::http
