#include "server/rules/manager.h"

#include <algorithm>
#include <deque>
#include <map>

#include "core/base/check.h"
#include "core/base/mutex.h"
#include "core/base/thread.h"
#include "core/log/log.h"
#include "server/rules/group.h"
#include "server/rules/rule_file.h"

namespace narthex::rules {
namespace {

constexpr int64_t kNever = std::numeric_limits<int64_t>::max();
// The wall clock may be set while the timer sleeps; it looks again this often.
constexpr auto kLongestSleep = std::chrono::seconds(1);
// A vanished group's series end after so many of its intervals: a renamed group that writes the
// same series goes on without a gap.
constexpr int kIntervalsUntilEnd = 2;

// A group and its place in the schedule.
struct Scheduled {
  std::unique_ptr<Group> group;
  int64_t due_nanos = kNever;  // the time of the next evaluation
  int evaluations = 0;
  TimestampMs last_ms = 0;  // of the newest evaluation
  bool busy = false;
  bool removed = false;
};
using ScheduledPtr = std::shared_ptr<Scheduled>;

struct Ending {
  ScheduledPtr scheduled;
  int64_t at_nanos;
  TimestampMs marker_ms;
};

}  // namespace

Status CheckFiles(const std::vector<std::string>& files, const promql::ParserOptions& parser) {
  return LoadRuleFiles(files, GroupDefaults{}, parser).status();
}

struct Manager::Impl {
  std::atomic<bool> cancelled{false};
  std::unique_ptr<EvalPool> pool;  // null without concurrent_evals
  Environment environment;
  std::unique_ptr<Registry> own_registry;
  std::unique_ptr<Metrics> metrics;

  Mutex update_mutex;  // one Update at a time
  bool loaded_once GUARDED_BY(update_mutex) = false;

  mutable Mutex mutex;
  CondVar wake;  // the timer: schedule changed or stopping
  CondVar work;  // the workers
  CondVar idle;  // an evaluation has ended
  std::map<std::string, ScheduledPtr> groups GUARDED_BY(mutex);  // by key
  std::vector<Ending> endings GUARDED_BY(mutex);
  std::deque<std::function<void()>> tasks GUARDED_BY(mutex);
  bool running GUARDED_BY(mutex) = false;
  bool stopping GUARDED_BY(mutex) = false;
  std::vector<NamedThread> threads;

  const Clock& clock() const { return *environment.options.clock; }

  void FirstSlot(Scheduled& scheduled) REQUIRES(mutex) {
    scheduled.due_nanos =
        scheduled.group->SlotAtOrBefore(clock().NowNanos()) + scheduled.group->interval_nanos();
  }

  // Runs on a worker (or on the caller of EvaluateAll); the group is marked busy or private.
  void Iterate(Scheduled& scheduled, TimestampMs t) {
    Group& group = *scheduled.group;
    group.Evaluate(t);
    scheduled.last_ms = t;
    // The first evaluations may lack data that is not scraped yet, so it takes two of them.
    if (++scheduled.evaluations == 2 && group.needs_restore()) group.Restore(clock().NowMs());
  }

  void Dispatch(const ScheduledPtr& scheduled, int64_t now) REQUIRES(mutex) {
    const int64_t interval = scheduled->group->interval_nanos();
    const int64_t missed = (now - scheduled->due_nanos) / interval;
    const int64_t at = scheduled->due_nanos + missed * interval;
    scheduled->due_nanos = at + interval;
    scheduled->busy = true;
    const std::string& key = scheduled->group->key();
    metrics->iterations.With({key}).Add(static_cast<double>(1 + missed));
    metrics->iterations_missed.With({key}).Add(static_cast<double>(missed));
    tasks.push_back([this, scheduled, at] {
      Iterate(*scheduled, at / 1'000'000);
      MutexLock lock(mutex);
      scheduled->busy = false;
      idle.NotifyAll();
      wake.NotifyOne();
    });
    work.NotifyOne();
  }

  // Starts what is due and returns when something will be.
  int64_t DispatchDue(int64_t now) REQUIRES(mutex) {
    int64_t next = kNever;
    for (auto& [key, scheduled] : groups) {
      if (scheduled->busy) continue;
      if (scheduled->due_nanos <= now) {
        Dispatch(scheduled, now);
      } else {
        next = std::min(next, scheduled->due_nanos);
      }
    }
    std::erase_if(endings, [&](Ending& ending) NO_THREAD_SAFETY_ANALYSIS {
      if (ending.at_nanos > now) {
        next = std::min(next, ending.at_nanos);
        return false;
      }
      tasks.push_back([ending] { ending.scheduled->group->End(ending.marker_ms); });
      work.NotifyOne();
      return true;
    });
    return next;
  }

  void RunTimer() {
    MutexLock lock(mutex);
    while (!stopping) {
      const int64_t now = clock().NowNanos();
      const int64_t next = DispatchDue(now);
      std::chrono::nanoseconds sleep = kLongestSleep;
      if (next != kNever) sleep = std::min(sleep, std::chrono::nanoseconds(next - now));
      wake.WaitFor(lock, sleep);
    }
  }

  void RunWorker() {
    MutexLock lock(mutex);
    for (;;) {
      while (tasks.empty() && !stopping) work.Wait(lock);
      if (stopping) return;
      auto task = std::move(tasks.front());
      tasks.pop_front();
      lock.Unlock();
      task();
      lock.Lock();
    }
  }

  // Takes a group out of the schedule and waits for its running evaluation.
  void Withdraw(const ScheduledPtr& scheduled) EXCLUDES(mutex) {
    MutexLock lock(mutex);
    scheduled->removed = true;
    scheduled->due_nanos = kNever;
    // A task that no worker has begun will never run once the manager stops.
    idle.Wait(lock, [&]() NO_THREAD_SAFETY_ANALYSIS { return !scheduled->busy || stopping; });
  }

  ScheduledPtr Replace(const ScheduledPtr& old, GroupSpec spec, const NamedTexts& external_labels,
                       bool restore) {
    auto fresh = std::make_shared<Scheduled>();
    fresh->group = std::make_unique<Group>(environment, std::move(spec), external_labels, restore);
    if (old != nullptr) {
      Withdraw(old);
      fresh->group->AdoptState(*old->group);
      fresh->evaluations = old->evaluations;
    }
    return fresh;
  }

  void Remove(const ScheduledPtr& old) {
    Withdraw(old);
    const int64_t now = clock().NowNanos();
    metrics->RemoveGroup(old->group->key());
    MutexLock lock(mutex);
    // A marker in the millisecond of the last sample would come too late.
    const TimestampMs marker = std::max<TimestampMs>(now / 1'000'000, old->last_ms + 1);
    endings.push_back({old, now + kIntervalsUntilEnd * old->group->interval_nanos(), marker});
    wake.NotifyOne();
  }
};

Manager::Manager(Options options, QueryFunction query, storage::Appendable* storage,
                 const storage::Queryable* restore_from, NotifyFunction notify, Registry* registry)
    : impl_(std::make_unique<Impl>()) {
  if (registry == nullptr) {
    impl_->own_registry = std::make_unique<Registry>();
    registry = impl_->own_registry.get();
  }
  impl_->metrics = std::make_unique<Metrics>(*registry);
  impl_->environment = {std::move(options), std::move(query),     storage,           restore_from,
                        std::move(notify),  impl_->metrics.get(), &impl_->cancelled, nullptr};
  const int helpers = impl_->environment.options.concurrent_evals;
  if (helpers > 0) impl_->pool = std::make_unique<EvalPool>(helpers);
  impl_->environment.pool = impl_->pool.get();
}

Manager::~Manager() { Stop(); }

Status Manager::Update(const Config& config) {
  MutexLock update_lock(impl_->update_mutex);
  NX_ASSIGN_OR_RETURN(
      auto specs, LoadRuleFiles(config.files, {config.interval_ms, config.query_offset_ms},
                                impl_->environment.options.parser, config.ignore_unknown_fields));
  NamedTexts external_labels;
  for (const Label& label : config.external_labels) {
    external_labels.emplace_back(label.name, label.value);
  }
  std::map<std::string, ScheduledPtr> old;
  {
    MutexLock lock(impl_->mutex);
    old = impl_->groups;
  }
  std::map<std::string, ScheduledPtr> groups;
  for (GroupSpec& spec : specs) {
    const std::string key = spec.file + ";" + spec.name;
    auto found = old.find(key);
    const ScheduledPtr before = found == old.end() ? nullptr : found->second;
    if (before != nullptr) old.erase(found);
    const bool same = before != nullptr && before->group->spec() == spec &&
                      before->group->external_labels() == external_labels;
    groups[key] = same ? before
                       : impl_->Replace(before, std::move(spec), external_labels,
                                        /*restore=*/!impl_->loaded_once);
  }
  for (const auto& [key, gone] : old) impl_->Remove(gone);
  impl_->loaded_once = true;
  MutexLock lock(impl_->mutex);
  impl_->groups = std::move(groups);
  if (impl_->running) {
    for (auto& [key, scheduled] : impl_->groups) {
      if (scheduled->due_nanos == kNever) impl_->FirstSlot(*scheduled);
    }
  }
  impl_->wake.NotifyOne();
  return OkStatus();
}

void Manager::Start() {
  MutexLock lock(impl_->mutex);
  NX_CHECK(!impl_->running);
  impl_->running = true;
  for (auto& [key, scheduled] : impl_->groups) impl_->FirstSlot(*scheduled);
  impl_->threads.emplace_back("rules-timer", [impl = impl_.get()] { impl->RunTimer(); });
  for (int i = 0; i < impl_->environment.options.workers; ++i) {
    impl_->threads.emplace_back(fmt::format("rules-{}", i),
                                [impl = impl_.get()] { impl->RunWorker(); });
  }
  NX_LOG(Info, "Starting rule manager...", {"component", "rule manager"});
}

void Manager::Stop() {
  {
    MutexLock lock(impl_->mutex);
    if (!impl_->running || impl_->stopping) return;
    impl_->stopping = true;
    impl_->cancelled = true;
    impl_->wake.NotifyAll();
    impl_->work.NotifyAll();
    impl_->idle.NotifyAll();
  }
  NX_LOG(Info, "Stopping rule manager...", {"component", "rule manager"});
  for (auto& thread : impl_->threads) thread.Join();
  NX_LOG(Info, "Rule manager stopped", {"component", "rule manager"});
}

std::vector<GroupStatus> Manager::Groups() const {
  std::vector<ScheduledPtr> all;
  {
    MutexLock lock(impl_->mutex);
    for (const auto& [key, scheduled] : impl_->groups) all.push_back(scheduled);
  }
  std::vector<GroupStatus> statuses;
  statuses.reserve(all.size());
  for (const auto& scheduled : all) statuses.push_back(scheduled->group->Status());
  std::sort(statuses.begin(), statuses.end(), [](const GroupStatus& a, const GroupStatus& b) {
    return std::tie(a.file, a.name) < std::tie(b.file, b.name);
  });
  return statuses;
}

void Manager::EvaluateAll(TimestampMs t, std::span<const std::string> first) {
  std::map<std::string, ScheduledPtr> groups;
  {
    MutexLock lock(impl_->mutex);
    NX_CHECK(!impl_->running);
    groups = impl_->groups;
  }
  const auto place = [&](const ScheduledPtr& scheduled) {
    return std::find(first.begin(), first.end(), scheduled->group->spec().name) - first.begin();
  };
  std::vector<ScheduledPtr> order;
  order.reserve(groups.size());
  for (auto& [key, scheduled] : groups) order.push_back(scheduled);
  std::stable_sort(order.begin(), order.end(), [&](const ScheduledPtr& a, const ScheduledPtr& b) {
    return place(a) < place(b);
  });
  for (const ScheduledPtr& scheduled : order) {
    impl_->metrics->iterations.With({scheduled->group->key()}).Inc();
    impl_->Iterate(*scheduled, t);
  }
}

}  // namespace narthex::rules
