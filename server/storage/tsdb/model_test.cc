// Random operations against a std::map: restarts, checkpoints, block cuts, compactions and
// deletions included.

#include <algorithm>
#include <filesystem>
#include <optional>
#include <random>
#include <set>

#include "core/log/log.h"
#include "server/storage/tsdb/testing.h"

namespace narthex::tsdb {
namespace {

using storage::AppendResult;
using storage::kStaleNaNBits;

constexpr int64_t kHour = 3600'000;

class Model {
 public:
  explicit Model(uint64_t seed) : random_(seed) {
    options_ = TestOptions(dir_.path());
    options_.wal_segment_bytes = 96 << 10;
    options_.checkpoint_step = [this] { Meanwhile(); };
    db_ = OpenDb(options_);
    sources_.resize(4);
  }

  // What writers do while a checkpoint is made.
  void Meanwhile() {
    for (uint64_t n = Roll(4); n > 0; --n) {
      switch (Roll(8)) {
        case 0: sources_[Roll(sources_.size())] = {}; break;
        case 1:
        case 2: Appends(); break;
        case 3:
        case 4: Member(); break;
        default: Tick();
      }
    }
  }

  void Step() {
    switch (Roll(100)) {
      case 0: return Restart();
      case 1: REQUIRE(db_->Checkpoint().ok()); return;
      case 2: return Truncate();
      case 3: sources_[Roll(sources_.size())] = {}; return;
      case 4: REQUIRE(db_->Maintain().ok()); return;
      case 5: now_ += static_cast<int64_t>(Roll(kHour)); return;
      case 6: return Compare();
      case 7:
      case 8:
      case 9:
      case 10: return Appends();
      case 11:
      case 12:
      case 13: return Member();
      case 14:
      case 15: return Compact();
      case 16: return Delete();
      default: return Tick();
    }
  }

  void Compare() {
    Contents got = Dump(*db_);
    Contents want;
    for (const auto& [name, samples] : series_) {
      Samples kept;
      for (const Sample& s : samples) {
        if (s.t >= truncated_ && !s.deleted) kept.emplace_back(s.t, s.bits);
      }
      if (!kept.empty()) want[name] = std::move(kept);
    }
    for (auto it = got.begin(); it != got.end();) {
      std::erase_if(it->second, [&](const auto& s) { return s.first < truncated_; });
      it = it->second.empty() ? got.erase(it) : std::next(it);
    }
    if (got == want) return;
    for (const auto& [name, samples] : want) {
      if (got[name] == samples) continue;
      size_t i = 0;
      while (i < samples.size() && i < got[name].size() && samples[i] == got[name][i]) ++i;
      UNSCOPED_INFO(name << ": " << samples.size() << " wanted, " << got[name].size()
                         << " found, first difference at " << i);
      if (i > 0) UNSCOPED_INFO("after " << samples[i - 1].first);
      if (i < samples.size())
        UNSCOPED_INFO("wanted " << samples[i].first << " " << samples[i].second);
      if (i < got[name].size())
        UNSCOPED_INFO("found " << got[name][i].first << " " << got[name][i].second);
    }
    FAIL("contents differ");
  }

  void Restart() {
    Compare();
    sources_.clear();
    sources_.resize(4);
    if (Roll(2) == 0) REQUIRE(db_->Close().ok());
    db_.reset();
    if (Roll(4) == 0) TearCheckpoint();
    db_ = OpenDb(options_);
    Compare();
  }

  // The one before, when there is one, and the log behind it have everything too.
  void TearCheckpoint() {
    std::string newest;
    int checkpoints = 0;
    for (const auto& entry : std::filesystem::directory_iterator(dir_.path() + "/head")) {
      const std::string path = entry.path();
      if (path.find("checkpoint-") == std::string::npos) continue;
      newest = std::max(newest, path);
      ++checkpoints;
    }
    if (checkpoints < 2) return;
    std::filesystem::resize_file(newest, Roll(std::filesystem::file_size(newest)));
  }

 private:
  struct Sample {
    int64_t t;
    uint64_t bits;
    bool deleted = false;
  };
  struct Source {
    std::unique_ptr<storage::GroupWriter> writer;
    std::map<uint32_t, std::string> members;  // by index
    std::map<uint32_t, bool> retiring;
    std::map<uint32_t, double> value;
    std::set<uint32_t> wrote;
  };

  uint64_t Roll(uint64_t n) { return random_() % n; }

  Labels LabelsOf(uint64_t i) {
    return Labels{{"__name__", fmt::format("m{}", i % 13)},
                  {"n", fmt::format("{}", i)},
                  {"job", "model"},
                  {"zone", "a"}};
  }

  double NextValue(double previous) {
    switch (Roll(12)) {
      case 0: return previous + 0.125;
      case 1: return std::bit_cast<double>(random_());
      case 2: return static_cast<double>(Roll(1000)) / 100;
      case 3: return -0.0;
      case 4: return previous + 1e15;
      case 5: return storage::NormalNaN();
      case 6:
      case 7: return std::floor(previous) + static_cast<double>(Roll(50));
      default: return previous;
    }
  }

  bool Holds(const std::string& name, int64_t t) {
    const Contents found = Dump(*db_, {}, t, t);
    return found.contains(name);
  }

  int64_t MinValid() const {
    return std::max(truncated_, newest_ == INT64_MIN ? INT64_MIN : newest_ - kHour);
  }

  // The rules for one sample, applied to the model.
  AppendResult Apply(const std::string& name, int64_t t, uint64_t bits) {
    auto& samples = series_[name];
    if (!samples.empty()) {
      const Sample& last = samples.back();
      if (t < last.t) return AppendResult::kOutOfOrder;
      if (t == last.t) return bits == last.bits ? AppendResult::kOk : AppendResult::kDuplicate;
    }
    samples.push_back({t, bits});
    newest_ = std::max(newest_, t);
    return AppendResult::kOk;
  }

  void Member() {
    Source& s = sources_[Roll(sources_.size())];
    if (s.writer == nullptr) s.writer = db_->NewGroup();
    if (Roll(4) == 0 && !s.members.empty()) {
      const uint32_t m =
          std::next(s.members.begin(), static_cast<long>(Roll(s.members.size())))->first;
      s.writer->RetireMember(m);
      s.retiring[m] = true;
      return;
    }
    const size_t which = static_cast<size_t>(&s - sources_.data());
    for (uint64_t n = Roll(30) + 1; n > 0; --n) {
      // Mostly series of its own; a few are shared by all sources and the appender.
      const Labels labels = LabelsOf(Roll(10) == 0 ? Roll(20) : 100 * (which + 1) + Roll(100));
      bool created = false;
      const auto member = s.writer->AddMember(labels, &created);
      REQUIRE(member.ok());
      REQUIRE(*member < s.writer->member_count());
      const std::string name = labels.ToString();
      if (created) {
        // Unknown, or forgotten with the last of its samples, which are gone or in a block.
        auto& samples = series_[name];
        REQUIRE((samples.empty() || samples.back().t < HeadFloor()));
        if (!samples.empty() && samples.back().t < truncated_) samples.clear();
      }
      if (s.members.contains(*member)) REQUIRE(s.members[*member] == name);
      s.members[*member] = name;
      s.retiring.erase(*member);
    }
  }

  void Tick() {
    Source& s = sources_[Roll(sources_.size())];
    if (s.writer == nullptr || s.members.empty()) return Member();
    const bool late = Roll(40) == 0;
    now_ += late ? 0 : static_cast<int64_t>(Roll(5) == 0 ? Roll(20000) : 15000);
    const int64_t t = late ? now_ - static_cast<int64_t>(Roll(90000)) : now_;
    const bool all_stale = Roll(30) == 0;
    std::vector<double> values(s.writer->member_count());
    for (const auto& [m, name] : s.members) {
      s.value[m] = NextValue(s.value[m]);
      values[m] =
          (all_stale || Roll(25) == 0) && s.wrote.contains(m) ? storage::StaleNaN() : s.value[m];
    }
    const auto result = s.writer->CommitTick(t, values);
    if (t < MinValid()) {
      CHECK(result.appended == 0);
      CHECK(result.out_of_bounds >= s.members.size());
      return;
    }
    uint32_t order = 0, duplicate = 0, ok = 0;
    for (const auto& [m, name] : s.members) {
      const uint64_t bits = s.retiring.contains(m) ? kStaleNaNBits : Bits(values[m]);
      const auto& samples = series_[name];
      const bool after = samples.empty() || t > samples.back().t;
      const bool ended = samples.empty() || samples.back().bits == kStaleNaNBits;
      if (after && bits == kStaleNaNBits && ended) continue;
      // A newest sample that retention may have taken: whether it is ended then is the head's
      // choice.
      if (after && bits == kStaleNaNBits && samples.back().t < HeadFloor() &&
          !s.wrote.contains(m) && !Holds(name, t)) {
        continue;
      }
      const AppendResult applied = Apply(name, t, bits);
      ok += applied == AppendResult::kOk;
      if (applied == AppendResult::kOk && bits != kStaleNaNBits) s.wrote.insert(m);
      order += applied == AppendResult::kOutOfOrder;
      duplicate += applied == AppendResult::kDuplicate;
    }
    CHECK(result.refused == 0);
    CHECK(result.out_of_order == order);
    CHECK(result.duplicate == duplicate);
    CHECK(result.appended == ok);
    for (const auto& [m, yes] : s.retiring) {
      s.members.erase(m);
      s.wrote.erase(m);
    }
    s.retiring.clear();
  }

  // A counter that mostly grows; buckets come, and go while they are empty.
  const IntHistogram& NextHistogram(const std::string& name) {
    IntHistogram& h = histograms_[name];
    std::map<int32_t, int64_t>& counts = buckets_[name];
    if (Roll(20) == 0) h = {}, counts.clear();
    if (Roll(15) == 0) h.schema = static_cast<int32_t>(Roll(3));
    h.reset = Roll(10) == 0 ? static_cast<CounterResetHint>(Roll(4)) : CounterResetHint::kUnknown;
    for (uint64_t n = Roll(4); n > 0; --n) {
      counts[static_cast<int32_t>(Roll(30)) - 15] += static_cast<int64_t>(Roll(5));
    }
    std::erase_if(counts, [&](const auto& c) { return c.second == 0 && Roll(2) == 0; });
    h.zero_threshold = 0.001;
    h.zero_count += Roll(2);
    h.count = h.zero_count;
    h.positive_spans.clear();
    h.positive_deltas.clear();
    int64_t before = 0;
    int32_t end = 0;
    for (const auto& [index, count] : counts) {
      h.positive_spans.push_back({index - end, 1});
      h.positive_deltas.push_back(count - before);
      end = index + 1;
      before = count;
      h.count += static_cast<uint64_t>(count);
    }
    h.sum = static_cast<double>(h.count) * 0.37;
    return h;
  }

  // A float or a histogram, as the series is and sometimes not.
  std::pair<StatusOr<AppendResult>, uint64_t> AppendAny(storage::Appender* appender,
                                                        const Labels& labels, int64_t t) {
    const std::string name = labels.ToString();
    const bool histograms = std::hash<std::string>()(name) % 3 == 0;
    if (Roll(30) == 0) {
      const double v = storage::StaleNaN();
      return {appender->Append(labels, t, v), Bits(v)};
    }
    if (histograms == (Roll(20) != 0)) {
      const IntHistogram& h = NextHistogram(name);
      const bool floats = (std::hash<std::string>()(name) % 2 == 0) == (Roll(20) != 0);
      return {floats ? appender->AppendHistogram(labels, t, ToFloat(h))
                     : appender->AppendHistogram(labels, t, h),
              HistogramBits(ToFloat(h))};
    }
    const double v = NextValue(1);
    return {appender->Append(labels, t, v), Bits(v)};
  }

  void Appends() {
    auto appender = db_->NewAppender();
    std::vector<std::tuple<std::string, int64_t, uint64_t>> accepted;
    for (uint64_t n = Roll(20); n > 0; --n) {
      const Labels labels = LabelsOf(Roll(40) + (Roll(3) == 0 ? 100 : 0));
      const int64_t t = now_ - 5000 + static_cast<int64_t>(Roll(10000));
      const auto [result, bits] = AppendAny(appender.get(), labels, t);
      REQUIRE(result.ok());
      if (t < MinValid()) {
        CHECK(*result == AppendResult::kOutOfBounds);
      } else if (*result == AppendResult::kOk) {
        accepted.emplace_back(labels.ToString(), t, bits);
      }
    }
    now_ += 5000;
    if (Roll(5) == 0) return appender->Rollback();
    REQUIRE(appender->Commit(Roll(2) == 0).ok());
    for (const auto& [name, t, bits] : accepted) CHECK(Apply(name, t, bits) == AppendResult::kOk);
  }

  // Series whose samples are all older may have left the head.
  int64_t HeadFloor() {
    NoteCut();
    return std::max(truncated_, cut_);
  }

  void NoteCut() {
    const int64_t oldest = db_->GetStats(1).min_time;
    if (oldest != INT64_MAX) cut_ = std::max(cut_, oldest);
  }

  void Compact() {
    REQUIRE(db_->CompactNow().ok());
    if (Roll(3) == 0) REQUIRE(db_->CleanTombstones().ok());
    Compare();
  }

  void Delete() {
    const int64_t mint = now_ - static_cast<int64_t>(Roll(10 * kHour));
    const int64_t maxt = mint + static_cast<int64_t>(Roll(5 * kHour));
    const std::string metric = fmt::format("m{}", Roll(13));
    REQUIRE(db_->Delete(mint, maxt, std::vector<Matcher>{Matcher::Equal("__name__", metric)}).ok());
    for (auto& [name, samples] : series_) {
      if (name.find("__name__=\"" + metric + "\"") == std::string::npos) continue;
      for (Sample& s : samples) s.deleted |= s.t >= mint && s.t <= maxt;
    }
    Compare();
  }

  void Truncate() {
    const int64_t mint = now_ - static_cast<int64_t>(Roll(4 * kHour)) - kHour;
    REQUIRE(db_->Truncate(mint).ok());
    truncated_ = std::max(truncated_, mint);
    for (auto& [name, samples] : series_) {
      // The newest sample still decides what may follow.
      const auto kept = std::find_if(samples.begin(), samples.end(),
                                     [this](const Sample& s) { return s.t >= truncated_; });
      if (!samples.empty()) samples.erase(samples.begin(), std::min(kept, samples.end() - 1));
    }
  }

  TempDir dir_;
  Options options_;
  std::unique_ptr<Db> db_;
  std::mt19937_64 random_;
  std::vector<Source> sources_;
  std::map<std::string, std::vector<Sample>> series_;  // in order of time
  std::map<std::string, IntHistogram> histograms_;
  std::map<std::string, std::map<int32_t, int64_t>> buckets_;
  int64_t now_ = 1'700'000'000'000;
  int64_t newest_ = INT64_MIN;
  int64_t truncated_ = INT64_MIN;
  int64_t cut_ = INT64_MIN;
};

#if defined(__SANITIZE_THREAD__)
constexpr uint64_t kSeeds = 1;  // one thread does it all; concurrency_test.cc is for several
#else
constexpr uint64_t kSeeds = 12;
#endif

TEST_CASE("Random operations agree with a map") {
  SetLogLevel(LogLevel::kError);
  const char* seed = std::getenv("NARTHEX_TEST_SEED");
  const uint64_t first = seed == nullptr ? 1 : std::strtoull(seed, nullptr, 10);
  for (uint64_t s = first; s < first + (seed == nullptr ? kSeeds : 1); ++s) {
    INFO("NARTHEX_TEST_SEED=" << s);
    Model model(s);
    for (int i = 0; i < 1500; ++i) {
      INFO("step " << i);
      model.Step();
    }
    model.Restart();
  }
  SetLogLevel(LogLevel::kInfo);
}

}  // namespace
}  // namespace narthex::tsdb
