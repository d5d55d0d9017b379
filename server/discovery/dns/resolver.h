#pragma once
// DNS look-ups on a Loop: c-ares, which no other file names.
//
// Follows the search list and ndots of resolv.conf, tries the servers in turn, goes on with TCP
// where an answer is truncated. Upstream's rules for what a search means: the first name that
// exists is the answer, also when it has no such records; only when every server says of every
// candidate that there is none, the name does not exist, which is an answer without records.
//
// Thread safety: none; a resolver lives on the loop's thread and must not be destroyed in a
// callback of c-ares, which its own callbacks are not.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/status.h"
#include "server/discovery/loop.h"

namespace narthex::discovery::dns {

enum class RecordType { kSrv, kA, kAaaa, kMx, kNs };
// "SRV", "a" …
std::optional<RecordType> ParseRecordType(std::string_view text);

struct Record {
  RecordType type = RecordType::kA;
  std::string host;  // a name without its final dot, or an address
  int port = 0;      // SRV
  friend bool operator==(const Record&, const Record&) = default;
};

struct ResolverOptions {
  std::string resolv_conf = "/etc/resolv.conf";
  std::string servers;  // "127.0.0.1:53,…" instead of those of the file
  int timeout_ms = 2'000;
};

// The records of one type in an answer's bytes: the boundary that takes untrusted bytes. Aliases on
// the way are left out.
StatusOr<std::vector<Record>> ReadRecords(RecordType type, std::span<const uint8_t> answer);

class Resolver {
 public:
  using Callback = std::function<void(StatusOr<std::vector<Record>>)>;

  static StatusOr<std::unique_ptr<Resolver>> Create(Loop* loop, const ResolverOptions& options);
  virtual ~Resolver() = default;

  // The callback runs from the loop, never from within Lookup, and not once the resolver is gone.
  virtual void Lookup(const std::string& name, RecordType type, Callback callback) = 0;
};

}  // namespace narthex::discovery::dns
