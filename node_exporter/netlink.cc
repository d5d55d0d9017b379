#include "node_exporter/netlink.h"

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <cerrno>
#include <cstring>

#include "core/base/file.h"

namespace narthex::node {
namespace {

constexpr size_t kReceiveBuffer = 64 << 10;  // the kernel fills at most 32 KiB a message
constexpr size_t kMaxLinks = 1 << 20;

constexpr size_t Align(size_t n) { return (n + 3) & ~size_t{3}; }

void ParseAttributes(std::string_view data, Link* link) {
  while (data.size() >= sizeof(rtattr)) {
    rtattr attribute;
    std::memcpy(&attribute, data.data(), sizeof attribute);
    if (attribute.rta_len < sizeof attribute || attribute.rta_len > data.size()) return;
    const std::string_view value =
        data.substr(sizeof attribute, attribute.rta_len - sizeof attribute);
    switch (attribute.rta_type) {
      case IFLA_IFNAME: link->name = value.substr(0, value.find('\0')); break;
      case IFLA_STATS64:
        // Older kernels send fewer counters; those at the end stay zero.
        std::memcpy(&link->stats, value.data(), std::min(value.size(), sizeof link->stats));
        link->has_stats = true;
        break;
      default: break;
    }
    data.remove_prefix(std::min(Align(attribute.rta_len), data.size()));
  }
}

Status SendRequest(int fd) {
  struct {
    nlmsghdr header;
    ifinfomsg info;
  } request{};
  request.header.nlmsg_len = sizeof request;
  request.header.nlmsg_type = RTM_GETLINK;
  request.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
  request.header.nlmsg_seq = 1;
  if (send(fd, &request, sizeof request, 0) < 0) return ErrnoStatus(errno, "netlink send");
  return OkStatus();
}

}  // namespace

Status ParseLinks(std::string_view messages, std::vector<Link>* links, bool* done) {
  while (messages.size() >= sizeof(nlmsghdr)) {
    nlmsghdr header;
    std::memcpy(&header, messages.data(), sizeof header);
    if (header.nlmsg_len < sizeof header || header.nlmsg_len > messages.size()) {
      return DataLoss("malformed netlink message");
    }
    std::string_view body = messages.substr(sizeof header, header.nlmsg_len - sizeof header);
    messages.remove_prefix(std::min(Align(header.nlmsg_len), messages.size()));
    if (header.nlmsg_type == NLMSG_DONE) {
      *done = true;
      return OkStatus();
    }
    if (header.nlmsg_type == NLMSG_ERROR) {
      int error = 0;
      if (body.size() >= sizeof error) std::memcpy(&error, body.data(), sizeof error);
      return ErrnoStatus(-error, "netlink");
    }
    if (header.nlmsg_type != RTM_NEWLINK || body.size() < sizeof(ifinfomsg)) continue;
    if (links->size() >= kMaxLinks) return ResourceExhausted("too many network devices");
    ParseAttributes(body.substr(sizeof(ifinfomsg)), &links->emplace_back());
  }
  return OkStatus();
}

StatusOr<std::vector<Link>> DumpLinks() {
  UniqueFd fd(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
  if (!fd.valid()) return ErrnoStatus(errno, "netlink socket");
  const timeval timeout{.tv_sec = 5, .tv_usec = 0};
  setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
  NX_RETURN_IF_ERROR(SendRequest(fd.get()));
  std::vector<Link> links;
  std::string buffer(kReceiveBuffer, '\0');
  for (bool done = false; !done;) {
    const ssize_t n = recv(fd.get(), buffer.data(), buffer.size(), 0);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return ErrnoStatus(n < 0 ? errno : EPIPE, "netlink receive");
    NX_RETURN_IF_ERROR(ParseLinks({buffer.data(), static_cast<size_t>(n)}, &links, &done));
  }
  return links;
}

}  // namespace narthex::node
