#pragma once
// Link statistics over AF_NETLINK: one RTM_GETLINK dump on a socket that lives for the call.
//
// Thread safety: all functions.

#include <linux/if_link.h>

#include <string>
#include <string_view>
#include <vector>

#include "core/base/status.h"

namespace narthex::node {

struct Link {
  std::string name;
  bool has_stats = false;
  rtnl_link_stats64 stats{};
};

// Every link of the process's network namespace, in the kernel's order.
StatusOr<std::vector<Link>> DumpLinks();

// Takes the links out of a buffer of netlink messages. *done is set by NLMSG_DONE. Split from
// DumpLinks so that it can be tested on made-up messages; never reads past the buffer.
Status ParseLinks(std::string_view messages, std::vector<Link>* links, bool* done);

}  // namespace narthex::node
