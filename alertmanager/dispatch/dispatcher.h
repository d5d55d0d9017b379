#pragma once
// Sorts alerts into groups and flushes each group on its own schedule: the first time group_wait
// after it appeared, then every group_interval from the start of the last flush.
//
// All state lives on the loop's thread. Ingest may be called from any thread; Groups and Stop run
// on the loop through Call.

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "alertmanager/dispatch/flush.h"

namespace narthex::am {

// A group as the API shows it.
struct GroupView {
  Labels labels;
  std::string receiver;
  std::vector<AlertPtr> alerts;       // as received
  std::vector<std::string> muted_by;  // time intervals, now
};

class Dispatcher : public std::enable_shared_from_this<Dispatcher> {
 public:
  // No flush before `not_before` (monotonic nanoseconds).
  Dispatcher(std::shared_ptr<const RouteTree> tree, std::shared_ptr<const FlushContext> context,
             int64_t not_before = 0);

  void Ingest(const AlertPtr& alert);
  std::vector<GroupView> Groups();
  size_t group_count();
  // No flush starts and no attempt is repeated from here on. What is under way ends by itself and
  // is still logged.
  void Stop();

  const RouteTree& tree() const { return *tree_; }

 private:
  struct Group {
    const RouteNode* route = nullptr;
    Labels labels;
    std::string key;
    std::map<uint64_t, AlertPtr> alerts;
    Loop::TimerId timer = 0;
    bool flushed = false;  // at least once
    bool flushing = false;
    bool overdue = false;  // the timer fired during a flush
  };
  using GroupKey = std::pair<size_t, Labels>;  // route index, group labels

  void Insert(const AlertPtr& alert);
  void InsertInto(const RouteNode& route, const AlertPtr& alert);
  void Arm(const std::shared_ptr<Group>& group, int64_t delay);
  void Flush(const std::shared_ptr<Group>& group);
  void Flushed(const std::shared_ptr<Group>& group, const std::vector<AlertPtr>& resolved, bool ok);

  const std::shared_ptr<const RouteTree> tree_;
  const std::shared_ptr<const FlushContext> context_;
  const int64_t not_before_;
  const std::shared_ptr<bool> cancelled_ = std::make_shared<bool>(false);
  std::map<GroupKey, std::shared_ptr<Group>> groups_;
};

}  // namespace narthex::am
