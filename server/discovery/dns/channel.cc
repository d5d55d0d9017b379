#include "server/discovery/dns/channel.h"

#include <ares.h>
#include <ares_dns.h>
#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <netdb.h>
#include <poll.h>
#include <sys/time.h>

#include <algorithm>

namespace narthex::discovery::dns {
namespace {

constexpr int kTries = 2;

int WireType(RecordType type) {
  switch (type) {
    case RecordType::kSrv: return ns_t_srv;
    case RecordType::kA: return ns_t_a;
    case RecordType::kAaaa: return ns_t_aaaa;
    case RecordType::kMx: return ns_t_mx;
    case RecordType::kNs: return ns_t_ns;
  }
  return ns_t_a;
}

std::string AddressText(int family, const void* address) {
  char text[INET6_ADDRSTRLEN] = "";
  inet_ntop(family, address, text, sizeof text);
  return text;
}

std::string AddressText(const ares_in6_addr& address) {
  in6_addr v6;
  static_assert(sizeof v6 == sizeof address);
  std::copy_n(reinterpret_cast<const uint8_t*>(&address), sizeof v6,
              reinterpret_cast<uint8_t*>(&v6));
  // Go prints a mapped address as what it maps.
  if (IN6_IS_ADDR_V4MAPPED(&v6)) return AddressText(AF_INET, v6.s6_addr + 12);
  return AddressText(AF_INET6, &v6);
}

// Each Read* appends to *out and returns a status of c-ares.

int ReadA(const uint8_t* data, int size, int most, std::vector<Record>* out) {
  std::vector<ares_addrttl> addresses(static_cast<size_t>(most));
  const int status = ares_parse_a_reply(data, size, nullptr, addresses.data(), &most);
  if (status != ARES_SUCCESS) return status;
  for (int i = 0; i < most; ++i) {
    out->push_back({RecordType::kA, AddressText(AF_INET, &addresses[i].ipaddr), 0});
  }
  return status;
}

int ReadAaaa(const uint8_t* data, int size, int most, std::vector<Record>* out) {
  std::vector<ares_addr6ttl> addresses(static_cast<size_t>(most));
  const int status = ares_parse_aaaa_reply(data, size, nullptr, addresses.data(), &most);
  if (status != ARES_SUCCESS) return status;
  for (int i = 0; i < most; ++i) {
    out->push_back({RecordType::kAaaa, AddressText(addresses[i].ip6addr), 0});
  }
  return status;
}

int ReadSrv(const uint8_t* data, int size, std::vector<Record>* out) {
  ares_srv_reply* list = nullptr;
  const int status = ares_parse_srv_reply(data, size, &list);
  if (status != ARES_SUCCESS) return status;
  for (const ares_srv_reply* r = list; r != nullptr; r = r->next) {
    out->push_back({RecordType::kSrv, r->host, r->port});
  }
  ares_free_data(list);
  return status;
}

int ReadMx(const uint8_t* data, int size, std::vector<Record>* out) {
  ares_mx_reply* list = nullptr;
  const int status = ares_parse_mx_reply(data, size, &list);
  if (status != ARES_SUCCESS) return status;
  for (const ares_mx_reply* r = list; r != nullptr; r = r->next) {
    out->push_back({RecordType::kMx, r->host, 0});
  }
  ares_free_data(list);
  return status;
}

int ReadNs(const uint8_t* data, int size, std::vector<Record>* out) {
  hostent* host = nullptr;
  const int status = ares_parse_ns_reply(data, size, &host);
  if (status != ARES_SUCCESS) return status;
  for (char** name = host->h_aliases; name != nullptr && *name != nullptr; ++name) {
    out->push_back({RecordType::kNs, *name, 0});
  }
  ares_free_hostent(host);
  return status;
}

int Read(RecordType type, std::span<const uint8_t> answer, std::vector<Record>* out) {
  if (answer.size() < HFIXEDSZ || answer.size() > 65535) return ARES_EBADRESP;
  const uint8_t* data = answer.data();
  const int size = static_cast<int>(answer.size());
  // A record has more than ten bytes, whatever the header claims.
  const int claimed = DNS_HEADER_ANCOUNT(data);
  const int most = std::clamp(claimed, 1, size / RRFIXEDSZ + 1);
  switch (type) {
    case RecordType::kSrv: return ReadSrv(data, size, out);
    case RecordType::kA: return ReadA(data, size, most, out);
    case RecordType::kAaaa: return ReadAaaa(data, size, most, out);
    case RecordType::kMx: return ReadMx(data, size, out);
    case RecordType::kNs: return ReadNs(data, size, out);
  }
  return ARES_EBADRESP;
}

class ChannelImpl final : public Channel {
 public:
  explicit ChannelImpl(Loop* loop) : loop_(loop), timer_(loop) {}
  ~ChannelImpl() override {
    closing_ = true;
    if (channel_ != nullptr) ares_destroy(channel_);
  }

  Status Init(const ResolverOptions& options, SearchList* search);
  void Query(const std::string& name, RecordType type,
             std::function<void(Answer)> callback) override;

 private:
  struct Question {
    ChannelImpl* channel;
    RecordType type;
    std::function<void(Answer)> callback;
  };

  static void OnAnswer(void* arg, int status, int timeouts, unsigned char* data, int size);
  static void OnSocket(void* arg, ares_socket_t fd, int readable, int writable);
  void Process(ares_socket_t readable, ares_socket_t writable);
  void ArmTimer();

  Loop* const loop_;
  ares_channel channel_ = nullptr;
  Loop::Timer timer_;
  bool closing_ = false;
};

Status ChannelImpl::Init(const ResolverOptions& options, SearchList* search) {
  static const int library = ares_library_init(ARES_LIB_INIT_ALL);
  if (library != ARES_SUCCESS) return Internal("c-ares: {}", ares_strerror(library));
  ares_options wanted{};
  std::string resolv_conf = options.resolv_conf;
  wanted.flags = ARES_FLAG_EDNS;
  wanted.timeout = options.timeout_ms;
  wanted.tries = kTries;
  wanted.sock_state_cb = &ChannelImpl::OnSocket;
  wanted.sock_state_cb_data = this;
  wanted.resolvconf_path = resolv_conf.data();
  int status = ares_init_options(&channel_, &wanted,
                                 ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES |
                                     ARES_OPT_SOCK_STATE_CB | ARES_OPT_RESOLVCONF);
  if (status != ARES_SUCCESS) {
    channel_ = nullptr;
    return Unavailable("could not load resolv.conf: {}", ares_strerror(status));
  }
  if (!options.servers.empty()) {
    status = ares_set_servers_ports_csv(channel_, options.servers.c_str());
    if (status != ARES_SUCCESS) return InvalidArgument("DNS servers: {}", ares_strerror(status));
  }
  ares_options read{};
  int mask = 0;
  status = ares_save_options(channel_, &read, &mask);
  if (status != ARES_SUCCESS) return Internal("c-ares: {}", ares_strerror(status));
  search->ndots = read.ndots;
  for (int i = 0; i < read.ndomains; ++i) search->domains.emplace_back(read.domains[i]);
  ares_destroy_options(&read);
  return OkStatus();
}

void ChannelImpl::OnSocket(void* arg, ares_socket_t fd, int readable, int writable) {
  auto* self = static_cast<ChannelImpl*>(arg);
  if (readable == 0 && writable == 0) return self->loop_->Unwatch(fd);
  const auto events =
      static_cast<short>((readable != 0 ? POLLIN : 0) | (writable != 0 ? POLLOUT : 0));
  self->loop_->Watch(fd, events, [self, fd](short ready) {
    // An error shows itself to whoever reads or writes.
    const bool failed = (ready & (POLLERR | POLLHUP | POLLNVAL)) != 0;
    self->Process(failed || (ready & POLLIN) != 0 ? fd : ARES_SOCKET_BAD,
                  failed || (ready & POLLOUT) != 0 ? fd : ARES_SOCKET_BAD);
  });
}

void ChannelImpl::Process(ares_socket_t readable, ares_socket_t writable) {
  ares_process_fd(channel_, readable, writable);
  ArmTimer();
}

void ChannelImpl::ArmTimer() {
  timeval wait{};
  if (ares_timeout(channel_, nullptr, &wait) == nullptr) return timer_.Cancel();
  timer_.Set(wait.tv_sec * 1000 + (wait.tv_usec + 999) / 1000,
             [this] { Process(ARES_SOCKET_BAD, ARES_SOCKET_BAD); });
}

void ChannelImpl::Query(const std::string& name, RecordType type,
                        std::function<void(Answer)> callback) {
  auto* question = new Question{this, type, std::move(callback)};  // OnAnswer takes it back
  ares_query(channel_, name.c_str(), ns_c_in, WireType(type), &ChannelImpl::OnAnswer, question);
  ArmTimer();
}

void ChannelImpl::OnAnswer(void* arg, int status, int /*timeouts*/, unsigned char* data, int size) {
  const std::unique_ptr<Question> question(static_cast<Question*>(arg));
  if (question->channel->closing_) return;
  Answer answer;
  if (status == ARES_SUCCESS) {
    status = Read(question->type, {data, static_cast<size_t>(size)}, &answer.records);
  }
  switch (status) {
    case ARES_SUCCESS:
    case ARES_ENODATA: answer.kind = Answer::Kind::kRecords; break;
    case ARES_ENOTFOUND: answer.kind = Answer::Kind::kNoName; break;
    default: answer.error = ares_strerror(status);
  }
  question->callback(std::move(answer));
}

}  // namespace

StatusOr<std::vector<Record>> ReadRecords(RecordType type, std::span<const uint8_t> answer) {
  std::vector<Record> records;
  const int status = Read(type, answer, &records);
  if (status == ARES_SUCCESS || status == ARES_ENODATA) return records;
  return InvalidArgument("{}", ares_strerror(status));
}

StatusOr<std::unique_ptr<Channel>> Channel::Create(Loop* loop, const ResolverOptions& options,
                                                   SearchList* search) {
  auto channel = std::make_unique<ChannelImpl>(loop);
  NX_RETURN_IF_ERROR(channel->Init(options, search));
  return std::unique_ptr<Channel>(std::move(channel));
}

}  // namespace narthex::discovery::dns
