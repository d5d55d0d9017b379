#pragma once
// c-ares on a Loop: one question, one answer. Used by resolver.cc alone.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "server/discovery/dns/resolver.h"

namespace narthex::discovery::dns {

// What resolv.conf says of relative names.
struct SearchList {
  std::vector<std::string> domains;
  int ndots = 1;
};

struct Answer {
  enum class Kind {
    kRecords,  // the name exists; perhaps without records of the type
    kNoName,   // a server says that there is no such name
    kError,    // no server gave an answer of use
  };
  Kind kind = Kind::kError;
  std::vector<Record> records;
  std::string error;
};

class Channel {
 public:
  static StatusOr<std::unique_ptr<Channel>> Create(Loop* loop, const ResolverOptions& options,
                                                   SearchList* search);
  virtual ~Channel() = default;
  // For the name as it stands. The callback may run at once; it must not destroy the channel. None
  // runs once the channel is being destroyed.
  virtual void Query(const std::string& name, RecordType type,
                     std::function<void(Answer)> callback) = 0;
};

}  // namespace narthex::discovery::dns
