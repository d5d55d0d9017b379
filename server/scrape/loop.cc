#include "server/scrape/loop.h"

#include "core/log/log.h"
#include "core/strings/duration.h"
#include "core/strings/quote.h"
#include "server/scrape/fetch.h"

namespace narthex::scrape {
namespace {

// A target that has been down this long gives its table and group back.
constexpr int64_t kReleaseAfterMs = 10 * 60 * 1000;

// What takes longer is not done on an I/O thread: the starts of other scrapes wait there, and
// their timestamps are aligned only when they are less than two milliseconds late.
constexpr size_t kMostInlineBytes = 512 << 10;
constexpr int64_t kMostInlineNanos = 1'000'000;

// A parse error quotes the body; thousands of targets must not keep that for long.
constexpr size_t kMaxErrorBytes = 1000;

Status Shorten(Status status) {
  const std::string_view message = MessageOf(status);
  if (message.size() <= kMaxErrorBytes) return status;
  return MakeStatus(status.code(), ToValidUtf8(message.substr(0, kMaxErrorBytes)) + "…");
}

}  // namespace

Loop::Loop(const LoopContext& context, std::shared_ptr<const Target> target,
           std::shared_ptr<const PoolSettings> settings, uint64_t offset_seed)
    : context_(context),
      metadata_(context.texts),
      bunch_nanos_(BunchNanos(target->interval_ms, context.scheduler->size())),
      target_(std::move(target)),
      settings_(std::move(settings)),
      seed_(offset_seed),
      series_(context.storage, &metadata_, target_->schedule_hash ^ offset_seed),
      report_(context.storage),
      series_generation_(settings_->series_generation) {}

void Loop::Start() {
  int64_t due = 0;
  {
    MutexLock lock(mutex_);
    due = NextDue(context_.clock->NowNanos());
  }
  context_.scheduler->Add(shared_from_this(), due);
}

bool Loop::Update(std::shared_ptr<const Target> target,
                  std::shared_ptr<const PoolSettings> settings, uint64_t offset_seed) {
  MutexLock lock(mutex_);
  if (state_ == State::kStopped) return false;
  state_ = State::kActive;
  stale_at_ = 0;
  target_ = std::move(target);
  settings_ = std::move(settings);
  request_ = nullptr;
  seed_ = offset_seed;
  return true;
}

void Loop::SetForcedError(Status error) {
  MutexLock lock(mutex_);
  forced_error_ = std::move(error);
}

void Loop::End() {
  MutexLock lock(mutex_);
  if (state_ == State::kActive) state_ = State::kEnding;
}

void Loop::Stop() {
  MutexLock lock(mutex_);
  state_ = State::kStopped;
}

bool Loop::ending() const {
  MutexLock lock(mutex_);
  return state_ == State::kEnding;
}

bool Loop::stopped() const {
  MutexLock lock(mutex_);
  return state_ == State::kStopped;
}

std::shared_ptr<const Target> Loop::target() const {
  MutexLock lock(mutex_);
  return target_;
}

ActiveTarget Loop::status(const std::string& pool) const {
  MutexLock lock(mutex_);
  ActiveTarget out;
  out.pool = pool;
  out.discovered_labels = target_->discovered;
  out.labels = target_->labels;
  out.scrape_url = target_->url;
  out.interval_ms = target_->interval_ms;
  out.timeout_ms = target_->timeout_ms;
  out.last_error = MessageOf(last_error_);
  out.last_scrape_nanos = last_start_nanos_;
  out.last_scrape_duration_seconds = last_duration_;
  out.health = health_;
  return out;
}

int64_t Loop::NextDue(int64_t now_nanos) const {
  return NextScrapeNanos(now_nanos, target_->interval_ms, target_->schedule_hash, seed_,
                         bunch_nanos_);
}

// As upstream: what starts at most that much after a slot of its grid, and no more than a hundredth
// of the interval, is stamped with the slot. A chunk then holds a bit for its timestamp.
TimestampMs Loop::SampleTime(int64_t due_nanos, int64_t now_nanos) const {
  const int64_t interval = target_->interval_ms * 1'000'000;
  const int64_t tolerance = std::min(context_.timestamp_tolerance_ms * 1'000'000, interval / 100);
  const int64_t late = (now_nanos - due_nanos) % interval;  // slots before may have been missed
  const bool on_time = context_.adjust_timestamps && late <= tolerance;
  return (on_time ? now_nanos - late : now_nanos) / 1'000'000;
}

void Loop::PrepareRequest() {
  http::ClientRequest request =
      MakeRequest(*target_, *settings_, context_.default_body_limit, context_.body_budget);
  request.bodies = context_.bodies;
  request_ = settings_->client->Prepare(std::move(request));
  interval_length_ =
      &context_.metrics->interval_length.With({FormatPromDuration(target_->interval_ms)});
}

int64_t Loop::OnDue(int64_t due_nanos, int64_t now_nanos) {
  std::shared_ptr<Scrape> scrape;
  int64_t next = 0;
  {
    MutexLock lock(mutex_);
    if (state_ == State::kStopped) return 0;
    if (state_ == State::kEnding) return OnDueEnding(due_nanos, now_nanos);
    next = NextDue(now_nanos);
    if (busy_) return next;
    busy_ = true;
    if (request_ == nullptr) PrepareRequest();
    scrape = std::make_shared<Scrape>();
    scrape->loop = shared_from_this();
    scrape->target = target_;
    scrape->settings = settings_;
    scrape->request = request_;
    scrape->forced_error = forced_error_;
    scrape->start_nanos = now_nanos;
    scrape->start_monotonic = context_.clock->MonotonicNanos();
    scrape->timestamp = SampleTime(due_nanos, now_nanos);
    if (last_start_nanos_ != 0) {
      interval_length_->Observe(static_cast<double>(now_nanos - last_start_nanos_) / 1e9);
    }
  }
  Begin(std::move(scrape));
  return next;
}

int64_t Loop::OnDueEnding(int64_t due_nanos, int64_t now_nanos) {
  if (stale_at_ == 0) {
    // Wait whether the target comes back under another loop before its series are ended.
    stale_at_ = due_nanos / 1'000'000;
    return now_nanos + target_->interval_ms * 1'100'000;
  }
  if (busy_) return now_nanos + target_->interval_ms * 1'000'000;
  state_ = State::kStopped;
  busy_ = true;
  context_.workers->Post(
      [self = shared_from_this()](Scratch* scratch) { self->EndSeries(scratch); });
  return 0;
}

void Loop::Begin(std::shared_ptr<Scrape> scrape) {
  if (!scrape->forced_error.ok()) {
    scrape->response = scrape->forced_error;
    return Process(std::move(scrape));
  }
  http::Client& client = *scrape->settings->client;
  std::shared_ptr<const http::PreparedRequest> request = scrape->request;
  client.Do(std::move(request),
            [scrape = std::move(scrape)](StatusOr<http::ClientResponse> response) {
              scrape->response = std::move(response);
              Process(scrape);
            });
}

void Loop::Process(std::shared_ptr<Scrape> scrape) {
  const LoopContext& context = scrape->loop->context_;
  const bool lengthy = scrape->response.ok() && (scrape->response->body.size() > kMostInlineBytes ||
                                                 scrape->loop->finish_nanos_ > kMostInlineNanos);
  auto task = [scrape = std::move(scrape)](Scratch* scratch) {
    scrape->loop->Finish(scrape.get(), scratch);
  };
  if (lengthy) {
    context.workers->Post(std::move(task));
  } else {
    context.workers->RunOrPost(std::move(task));
  }
  context.scheduler->Poll();
}

Status Loop::Store(const Scrape& scrape, Scratch* scratch, AppendCounts* counts,
                   double* body_size) {
  if (!scrape.forced_error.ok()) return scrape.forced_error;
  const StatusOr<http::ClientResponse>& response = scrape.response;
  if (!response.ok()) {
    if (response.status().code() == StatusCode::kResourceExhausted) {
      context_.metrics->exceeded_body_memory.Inc();
    }
    return RequestError(response.status());
  }
  std::string warning;
  ByteLease lease(context_.body_budget);
  size_t size = 0;
  StatusOr<Body> body = ReadBody(*response, *scrape.settings, context_.default_body_limit,
                                 &scratch->body, &lease, &known_type_, &size, &warning);
  *body_size = static_cast<double>(size);
  if (lease.refused()) context_.metrics->exceeded_body_memory.Inc();
  if (!body.ok()) return body.status();
  if (!warning.empty()) {
    NX_LOG(Debug, "Fallback scrape protocol used", {"component", "scrape manager"},
           {"scrape_pool", scrape.settings->config.job_name}, {"target", scrape.target->url},
           {"err", warning});
  }
  if (series_generation_ != scrape.settings->series_generation) {
    series_.Invalidate();
    series_generation_ = scrape.settings->series_generation;
  }
  AppendInput input;
  input.body = body->text;
  input.grammar = body->grammar;
  input.config = &scrape.settings->config;
  input.metric_rules = &scrape.settings->metric_rules;
  input.target_labels = &scrape.target->labels;
  input.timestamp = scrape.timestamp;
  input.now = context_.clock->NowMs();
  input.native_histograms = scrape.target->native_histograms;
  input.always_classic = scrape.target->always_classic;
  input.convert_classic = scrape.target->convert_classic;
  input.store_metadata = context_.store_metadata;
  input.store_starts = context_.store_starts;
  input.type_and_unit_labels = context_.type_and_unit_labels;
  return series_.Append(input, scratch, counts);
}

void Loop::Finish(Scrape* whole, Scratch* scratch) {
  if (stopped()) return;
  const int64_t begin = context_.clock->MonotonicNanos();
  const Scrape& scrape = *whole;
  AppendCounts counts;
  double body_size = 0;
  const Status status = Shorten(Store(scrape, scratch, &counts, &body_size));
  if (whole->response.ok()) {  // not needed any more
    context_.bodies->Put(std::move(whole->response->body));
    *whole->response = http::ClientResponse();
  }
  if (!status.ok()) {
    series_.MarkStale(scrape.timestamp, scrape.settings->config.track_timestamps_staleness,
                      scratch);
    if (IsBodyLimitError(status)) body_size = -1;
    if (down_since_ms_ == 0) down_since_ms_ = scrape.timestamp;
    if (scrape.timestamp - down_since_ms_ >= kReleaseAfterMs && series_.Release()) {
      context_.metrics->cache_flush_forced.Inc();
    }
  } else {
    down_since_ms_ = 0;
  }
  const int64_t end = context_.clock->MonotonicNanos();
  finish_nanos_ = end - begin;
  const double duration = static_cast<double>(end - scrape.start_monotonic) / 1e9;
  WriteReport(scrape, status, counts, body_size, duration);
  CountOutcome(scrape, status, counts);
  RememberStatus(scrape, status, duration);
}

void Loop::WriteReport(const Scrape& scrape, const Status& status, const AppendCounts& counts,
                       double body_size, double duration) {
  const config::ScrapeConfig& config = scrape.settings->config;
  Report report;
  report.up = status.ok();
  report.duration_seconds = duration;
  report.scraped = static_cast<double>(counts.scraped);
  report.after_relabel = static_cast<double>(counts.after_relabel);
  report.added = static_cast<double>(counts.added);
  report.extra = config.extra_scrape_metrics.value_or(false);
  report.timeout_seconds = static_cast<double>(scrape.target->timeout_ms) / 1000;
  report.sample_limit = static_cast<double>(config.limits.samples);
  report.body_size_bytes = body_size;
  const auto commit = report_.Write(scrape.target->labels, scrape.timestamp, report);
  context_.metrics->sample_out_of_order.Add(commit.out_of_order);
  context_.metrics->sample_duplicate.Add(commit.duplicate);
  context_.metrics->sample_refused.Add(commit.refused);
}

void Loop::CountOutcome(const Scrape& scrape, const Status& status, const AppendCounts& counts) {
  Metrics& m = *context_.metrics;
  m.sample_out_of_order.Add(static_cast<double>(counts.out_of_order));
  m.sample_duplicate.Add(static_cast<double>(counts.duplicate));
  m.sample_out_of_bounds.Add(static_cast<double>(counts.out_of_bounds));
  m.sample_refused.Add(static_cast<double>(counts.refused));
  m.exemplar_out_of_order.Add(static_cast<double>(counts.exemplars_out_of_order));
  m.native_histograms_ignored.Add(static_cast<double>(counts.native_histograms));
  if (IsBodyLimitError(status)) m.exceeded_body_size_limit.Inc();
  if (IsSampleLimitError(status)) m.exceeded_sample_limit.Inc();
  if (IsBucketLimitError(status)) m.exceeded_bucket_limit.Inc();
  if (IsLabelLimitError(status)) m.exceeded_label_limits.Inc();

  const std::string& job = scrape.settings->config.job_name;
  if (!status.ok()) {
    NX_LOG(Debug, "Scrape failed", {"component", "scrape manager"}, {"scrape_pool", job},
           {"target", scrape.target->url}, {"err", status});
    if (scrape.settings->failure_log != nullptr) {
      scrape.settings->failure_log->Log(job, scrape.target->url, MessageOf(status));
    }
  }
  WarnOfDropped(scrape, counts);
}

// In upstream's words where it has some, but for all targets together: as many may be at fault as
// there are.
void Loop::WarnOfDropped(const Scrape& scrape, const AppendCounts& counts) {
  struct Fault {
    size_t count;
    std::string_view message;
  };
  const Fault faults[] = {
      {counts.out_of_order, "Error on ingesting out-of-order samples"},
      {counts.duplicate, "Error on ingesting samples with different value but same timestamp"},
      {counts.out_of_bounds,
       "Error on ingesting samples that are too old or are too far into the future"},
      {counts.exemplars_out_of_order, "Error on ingesting out-of-order exemplars"},
      {counts.refused, "Samples of a scrape were not stored: no more series are taken"},
      {counts.native_histograms, "Native histograms of a scrape were not stored"},
  };
  const auto any = [](const Fault& fault) { return fault.count > 0; };
  if (std::none_of(std::begin(faults), std::end(faults), any)) return;
  static LogLimiter limiter(10'000);
  int64_t suppressed = 0;
  if (!limiter.Allow(&suppressed)) return;
  for (const Fault& fault : faults) {
    if (fault.count == 0) continue;
    NX_LOG(Warn, fault.message, {"component", "scrape manager"},
           {"scrape_pool", scrape.settings->config.job_name}, {"target", scrape.target->url},
           {"num_dropped", fault.count}, {"suppressed", suppressed});
  }
}

void Loop::RememberStatus(const Scrape& scrape, const Status& status, double duration) {
  MutexLock lock(mutex_);
  busy_ = false;
  last_start_nanos_ = scrape.start_nanos;
  last_duration_ = duration;
  last_error_ = status;
  health_ = status.ok() ? Health::kUp : Health::kDown;
}

void Loop::EndSeries(Scratch* scratch) {
  TimestampMs at = 0;
  bool track = false;
  {
    MutexLock lock(mutex_);
    at = stale_at_;
    track = settings_->config.track_timestamps_staleness;
  }
  series_.MarkStale(at, track, scratch);
  report_.MarkStale(at);
}

}  // namespace narthex::scrape
