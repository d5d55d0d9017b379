#include "server/discovery/dns/resolver.h"

#include <poll.h>

#include <algorithm>

#include "core/base/check.h"
#include "core/log/log.h"
#include "core/strings/quote.h"
#include "server/discovery/dns/channel.h"

namespace narthex::discovery::dns {
namespace {

bool IsRooted(std::string_view name) { return name.ends_with('.'); }

// The names to try, in order.
std::vector<std::string> Candidates(const std::string& name, const SearchList& search) {
  if (IsRooted(name)) return {name};
  const bool dotted = std::count(name.begin(), name.end(), '.') >= search.ndots;
  std::vector<std::string> names;
  if (dotted) names.push_back(name + ".");
  for (const std::string& domain : search.domains) {
    names.push_back(fmt::format("{}.{}{}", name, domain, IsRooted(domain) ? "" : "."));
  }
  if (!dotted) names.push_back(name + ".");
  return names;
}

class ResolverImpl final : public Resolver {
 public:
  ResolverImpl(Loop* loop, std::unique_ptr<Channel> channel, SearchList search)
      : loop_(loop), search_(std::move(search)), channel_(std::move(channel)) {}

  void Lookup(const std::string& name, RecordType type, Callback callback) override {
    auto lookup = std::make_shared<Pending>();
    lookup->name = name;
    lookup->type = type;
    lookup->candidates = Candidates(name, search_);
    lookup->callback = std::move(callback);
    TryNext(std::move(lookup));
  }

 private:
  struct Pending {
    std::string name;
    RecordType type = RecordType::kA;
    std::vector<std::string> candidates;
    size_t next = 0;
    bool all_answered = true;
    Callback callback;
  };

  void TryNext(std::shared_ptr<Pending> lookup) {
    if (lookup->next == lookup->candidates.size()) {
      if (lookup->all_answered) return Finish(*lookup, std::vector<Record>());
      return Finish(*lookup,
                    Unavailable("could not resolve {}: all servers responded with errors to at "
                                "least one search domain",
                                GoQuote(lookup->name)));
    }
    const std::string name = lookup->candidates[lookup->next++];
    channel_->Query(name, lookup->type,
                    [this, lookup](Answer answer) { OnAnswer(lookup, std::move(answer)); });
  }

  void OnAnswer(const std::shared_ptr<Pending>& lookup, Answer answer) {
    if (answer.kind == Answer::Kind::kRecords) return Finish(*lookup, std::move(answer.records));
    if (answer.kind == Answer::Kind::kError) {
      lookup->all_answered = false;
      NX_LOG(Warn, "DNS resolution failed", {"component", "discovery manager"},
             {"name", lookup->candidates[lookup->next - 1]}, {"err", answer.error});
    }
    TryNext(lookup);
  }

  void Finish(Pending& lookup, StatusOr<std::vector<Record>> records) {
    auto shared = std::make_shared<StatusOr<std::vector<Record>>>(std::move(records));
    loop_->Post(lifetime_.Guard(
        [callback = std::move(lookup.callback), shared] { callback(std::move(*shared)); }));
  }

  Loop* const loop_;
  const SearchList search_;
  Loop::Lifetime lifetime_;
  const std::unique_ptr<Channel> channel_;  // goes first
};

}  // namespace

std::optional<RecordType> ParseRecordType(std::string_view text) {
  std::string upper(text);
  for (char& c : upper) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
  if (upper == "SRV") return RecordType::kSrv;
  if (upper == "A") return RecordType::kA;
  if (upper == "AAAA") return RecordType::kAaaa;
  if (upper == "MX") return RecordType::kMx;
  if (upper == "NS") return RecordType::kNs;
  return std::nullopt;
}

StatusOr<std::unique_ptr<Resolver>> Resolver::Create(Loop* loop, const ResolverOptions& options) {
  SearchList search;
  NX_ASSIGN_OR_RETURN(auto channel, Channel::Create(loop, options, &search));
  return std::unique_ptr<Resolver>(
      std::make_unique<ResolverImpl>(loop, std::move(channel), std::move(search)));
}

}  // namespace narthex::discovery::dns
