#include "core/http/socks.h"

#include <arpa/inet.h>

#include <charconv>

namespace narthex::http {
namespace {

constexpr char kVersion = 5;
constexpr char kPasswordVersion = 1;
constexpr uint8_t kNoAuthentication = 0, kUserAndPassword = 2, kNothingAcceptable = 0xff;
constexpr char kConnect = 1;
constexpr char kIpv4 = 1, kName = 3, kIpv6 = 4;
constexpr size_t kMaxField = 255;  // lengths are a byte

std::string ErrorText(uint8_t reply) {
  static constexpr std::string_view kTexts[] = {"succeeded",
                                                "general SOCKS server failure",
                                                "connection not allowed by ruleset",
                                                "network unreachable",
                                                "host unreachable",
                                                "connection refused",
                                                "TTL expired",
                                                "command not supported",
                                                "address type not supported"};
  if (reply < std::size(kTexts)) return std::string(kTexts[reply]);
  return fmt::format("unknown code: {}", reply);
}

// Type and value of an address, as both sides send it; empty for a name that is too long.
std::string AddressField(const std::string& host) {
  char bytes[16];
  if (::inet_pton(AF_INET, host.c_str(), bytes) == 1) return kIpv4 + std::string(bytes, 4);
  if (::inet_pton(AF_INET6, host.c_str(), bytes) == 1) return kIpv6 + std::string(bytes, 16);
  if (host.size() > kMaxField) return {};
  return std::string{kName, static_cast<char>(host.size())} + host;
}

}  // namespace

SocksHandshake::SocksHandshake(const Url& proxy, std::string host, std::string port)
    : user_(proxy.user),
      password_(proxy.password),
      host_(std::move(host)),
      port_(std::move(port)),
      has_user_(proxy.has_user) {}

std::string SocksHandshake::Greeting() const {
  if (!has_user_) return {kVersion, 1, kNoAuthentication};
  return {kVersion, 2, kNoAuthentication, kUserAndPassword};
}

StatusOr<bool> SocksHandshake::Put(std::string_view input, std::string* output) {
  input_.append(input);
  for (;;) {
    NX_ASSIGN_OR_RETURN(const bool moved, Advance(output));
    if (step_ != Step::kOpen && moved) continue;
    if (step_ != Step::kOpen) return false;
    if (!input_.empty()) return Unavailable("proxy sent data before the request");
    return true;
  }
}

StatusOr<bool> SocksHandshake::Advance(std::string* output) {
  size_t size = 2;
  if (step_ == Step::kReply) {
    NX_ASSIGN_OR_RETURN(size, ReplySize());
    if (size == 0) return false;
  }
  if (input_.size() < size) return false;
  switch (step_) {
    case Step::kMethod: NX_RETURN_IF_ERROR(OnMethod(output)); break;
    case Step::kPassword:
      if (input_[0] != kPasswordVersion) {
        return Unavailable("invalid username/password version");
      }
      if (input_[1] != 0) return Unavailable("username/password authentication failed");
      NX_RETURN_IF_ERROR(Ask(output));
      break;
    case Step::kReply: step_ = Step::kOpen; break;
    case Step::kOpen: return false;
  }
  input_.erase(0, size);
  return true;
}

Status SocksHandshake::OnMethod(std::string* output) {
  const auto method = static_cast<uint8_t>(input_[1]);
  if (input_[0] != kVersion) {
    return Unavailable("unexpected protocol version {}", static_cast<uint8_t>(input_[0]));
  }
  if (method == kNothingAcceptable) return Unavailable("no acceptable authentication methods");
  if (method == kNoAuthentication) return Ask(output);
  if (method != kUserAndPassword || !has_user_) {
    return Unavailable("unsupported authentication method {}", method);
  }
  if (user_.empty() || user_.size() > kMaxField || password_.size() > kMaxField) {
    return InvalidArgument("invalid username/password");
  }
  *output += {kPasswordVersion, static_cast<char>(user_.size())};
  *output += user_;
  *output += static_cast<char>(password_.size());
  *output += password_;
  step_ = Step::kPassword;
  return OkStatus();
}

Status SocksHandshake::Ask(std::string* output) {
  const std::string address = AddressField(host_);
  if (address.empty()) return InvalidArgument("FQDN too long");
  uint16_t port = 0;
  const auto [end, error] = std::from_chars(port_.data(), port_.data() + port_.size(), port);
  if (error != std::errc() || end != port_.data() + port_.size()) {
    return InvalidArgument("port number out of range {}", port_);
  }
  *output += {kVersion, kConnect, 0};
  *output += address;
  *output += {static_cast<char>(port >> 8), static_cast<char>(port & 0xff)};
  step_ = Step::kReply;
  return OkStatus();
}

StatusOr<size_t> SocksHandshake::ReplySize() const {
  constexpr size_t kHead = 4, kPort = 2;
  if (input_.size() < kHead) return 0;
  if (input_[0] != kVersion) {
    return Unavailable("unexpected protocol version {}", static_cast<uint8_t>(input_[0]));
  }
  if (input_[1] != 0) {
    return Unavailable("unknown error {}", ErrorText(static_cast<uint8_t>(input_[1])));
  }
  if (input_[2] != 0) return Unavailable("non-zero reserved field");
  switch (input_[3]) {
    case kIpv4: return kHead + 4 + kPort;
    case kIpv6: return kHead + 16 + kPort;
    case kName:
      if (input_.size() == kHead) return 0;
      return kHead + 1 + static_cast<uint8_t>(input_[kHead]) + kPort;
    default: return Unavailable("unknown address type {}", static_cast<uint8_t>(input_[3]));
  }
}

}  // namespace narthex::http
