#include "node_exporter/scrape.h"

#include <deque>

#include "core/base/mutex.h"
#include "core/base/thread.h"
#include "core/log/log.h"

namespace narthex::node {
namespace {

// The tasks of one Run; helpers and the caller take the next index until none is left.
struct Round {
  const std::function<void(size_t)>* task = nullptr;
  size_t next = 0, ended = 0, count = 0;
};

struct Outcome {
  std::vector<MetricFamily> families;
  double seconds = 0;
  bool success = false;
};

Outcome RunOne(const NamedCollector& named, const Clock& clock) {
  Sink sink;
  const int64_t begin = clock.MonotonicNanos();
  const Status status = named.collector->Update(sink);
  Outcome outcome;
  outcome.seconds = static_cast<double>(clock.MonotonicNanos() - begin) / 1e9;
  outcome.success = status.ok();
  outcome.families = sink.Take();
  if (IsNoData(status)) {
    NX_LOG(Debug, "collector returned no data", {"name", named.name},
           {"duration_seconds", outcome.seconds}, {"err", status});
  } else if (!status.ok()) {
    NX_LOG(Error, "collector failed", {"name", named.name}, {"duration_seconds", outcome.seconds},
           {"err", status});
  } else {
    NX_LOG(Debug, "collector succeeded", {"name", named.name},
           {"duration_seconds", outcome.seconds});
  }
  return outcome;
}

}  // namespace

struct ScrapePool::Impl {
  void Work() {
    MutexLock lock(mutex);
    for (;;) {
      while (rounds.empty() && !stopping) work_ready.Wait(lock);
      if (stopping) return;
      TakePart(*rounds.front(), lock);
    }
  }

  // Runs tasks of the round until none is left to start.
  void TakePart(Round& round, MutexLock& lock) NO_THREAD_SAFETY_ANALYSIS {
    while (round.next < round.count) {
      const size_t index = round.next++;
      if (round.next == round.count) std::erase(rounds, &round);
      const auto& task = *round.task;
      lock.Unlock();
      task(index);
      lock.Lock();
      // The last one must not touch the round any more once the caller knows.
      if (++round.ended == round.count) {
        round_ended.NotifyAll();
        return;
      }
      if (round.next >= round.count) return;
    }
  }

  Mutex mutex;
  CondVar work_ready, round_ended;
  std::deque<Round*> rounds GUARDED_BY(mutex);  // with tasks not started
  bool stopping GUARDED_BY(mutex) = false;
  std::vector<NamedThread> threads;
};

ScrapePool::ScrapePool(size_t threads) : impl_(std::make_unique<Impl>()) {
  for (size_t i = 0; i < threads; ++i) {
    impl_->threads.emplace_back(fmt::format("collector-{}", i),
                                [impl = impl_.get()] { impl->Work(); });
  }
}

ScrapePool::~ScrapePool() {
  {
    MutexLock lock(impl_->mutex);
    impl_->stopping = true;
    impl_->work_ready.NotifyAll();
  }
  for (NamedThread& thread : impl_->threads) thread.Join();
}

void ScrapePool::Run(size_t count, const std::function<void(size_t)>& task) {
  if (count == 0) return;
  Round round{.task = &task, .count = count};
  MutexLock lock(impl_->mutex);
  impl_->rounds.push_back(&round);
  if (count > 1) impl_->work_ready.NotifyAll();
  impl_->TakePart(round, lock);
  impl_->round_ended.Wait(lock, [&] { return round.ended == round.count; });
}

std::vector<MetricFamily> Scrape(const std::vector<const NamedCollector*>& collectors,
                                 ScrapePool& pool, const Clock& clock) {
  std::vector<Outcome> outcomes(collectors.size());
  pool.Run(collectors.size(), [&](size_t i) { outcomes[i] = RunOne(*collectors[i], clock); });

  std::vector<MetricFamily> families;
  MetricFamily duration{.name = "node_scrape_collector_duration_seconds",
                        .help = "node_exporter: Duration of a collector scrape.",
                        .type = MetricType::kGauge};
  MetricFamily success{.name = "node_scrape_collector_success",
                       .help = "node_exporter: Whether a collector succeeded.",
                       .type = MetricType::kGauge};
  for (size_t i = 0; i < collectors.size(); ++i) {
    AddSample(duration, outcomes[i].seconds, {{"collector", collectors[i]->name}});
    AddSample(success, outcomes[i].success, {{"collector", collectors[i]->name}});
    std::move(outcomes[i].families.begin(), outcomes[i].families.end(),
              std::back_inserter(families));
  }
  families.push_back(std::move(duration));
  families.push_back(std::move(success));
  return families;
}

}  // namespace narthex::node
