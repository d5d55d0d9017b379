// What writers do while a checkpoint is made; model_test.cc does the same at random.

#include "core/log/log.h"
#include "server/storage/tsdb/testing.h"

namespace narthex::tsdb {
namespace {

constexpr int64_t kT0 = 1'700'000'000'000;

Labels Named(std::string_view name, int i) {
  return Labels{{"__name__", std::string(name)}, {"i", std::to_string(i)}};
}

class DuringCheckpoint {
 public:
  DuringCheckpoint() : options_(TestOptions(dir_.path())) {
    SetLogLevel(LogLevel::kError);
    options_.checkpoint_step = [this] {
      if (++step_ == at_) action_();
    };
    db_ = OpenDb(options_);
  }
  ~DuringCheckpoint() { SetLogLevel(LogLevel::kInfo); }

  Db& db() { return *db_; }
  // Makes a checkpoint and runs `action` in its step `at`, counted from 1.
  void Checkpoint(int at, std::function<void()> action) {
    step_ = 0;
    at_ = at;
    action_ = std::move(action);
    REQUIRE(db_->Checkpoint().ok());
    REQUIRE(step_ >= at);
  }
  void CheckReopened() {
    const Contents want = Dump(*db_);
    db_.reset();
    db_ = OpenDb(options_);
    CheckSame(Dump(*db_), want);
  }

 private:
  TempDir dir_;
  Options options_;
  std::unique_ptr<Db> db_;
  std::function<void()> action_;
  int at_ = 0;
  int step_ = 0;
};

void Add(storage::GroupWriter& group, std::string_view name, int i) {
  bool created;
  REQUIRE(group.AddMember(Named(name, i), &created).ok());
}

TEST_CASE("Series that join a group after a checkpoint wrote the series") {
  for (int step = 1; step <= 3; ++step) {
    INFO("step " << step);
    DuringCheckpoint test;
    auto group = test.db().NewGroup();
    int64_t t = kT0;
    Add(*group, "old", 0);
    group->CommitTick(t += 1000, std::vector<double>{1});
    test.Checkpoint(step, [&] {
      for (int i = 0; i < 50; ++i) Add(*group, "new", i);
      group->CommitTick(t += 1000, std::vector<double>(51, 2));
    });
    for (int i = 0; i < 10; ++i) group->CommitTick(t += 1000, std::vector<double>(51, i));
    group.reset();
    test.CheckReopened();
  }
}

TEST_CASE("Series that change the group while a checkpoint is made") {
  for (const bool first_is_older : {true, false}) {
    for (int step = 1; step <= 4; ++step) {
      INFO("step " << step << ", older first: " << first_is_older);
      DuringCheckpoint test;
      auto a = test.db().NewGroup();
      auto b = test.db().NewGroup();
      int64_t t = kT0;
      auto& from = first_is_older ? a : b;
      auto& to = first_is_older ? b : a;
      for (auto* group : {&a, &b}) {
        Add(**group, group == &a ? "a" : "b", 0);
        (*group)->CommitTick(t += 1000, std::vector<double>{1});
      }
      for (int i = 0; i < 20; ++i) Add(*from, "moves", i);
      from->CommitTick(t += 1000, std::vector<double>(21, 2));
      test.Checkpoint(step, [&] {
        for (uint32_t m = 1; m <= 20; ++m) from->RetireMember(m);
        from->CommitTick(t += 1000, std::vector<double>(21, 3));
        for (int i = 0; i < 20; ++i) Add(*to, "moves", i);
        to->CommitTick(t += 1000, std::vector<double>(21, 4));
        from->CommitTick(t += 1000, std::vector<double>(1, 5));
      });
      for (int i = 0; i < 5; ++i) {
        to->CommitTick(t += 1000, std::vector<double>(21, 6 + i));
        from->CommitTick(t += 1000, std::vector<double>(1, 6 + i));
      }
      a.reset();
      b.reset();
      test.CheckReopened();
    }
  }
}

TEST_CASE("Series that a second source claims while a checkpoint is made") {
  for (int step = 1; step <= 4; ++step) {
    INFO("step " << step);
    DuringCheckpoint test;
    auto a = test.db().NewGroup();
    auto b = test.db().NewGroup();
    auto appender = test.db().NewAppender();
    int64_t t = kT0;
    for (int i = 0; i < 20; ++i) Add(*a, "both", i);
    Add(*b, "b", 0);
    a->CommitTick(t += 1000, std::vector<double>(20, 1));
    b->CommitTick(t += 1000, std::vector<double>{1});
    test.Checkpoint(step, [&] {
      a->CommitTick(t += 1000, std::vector<double>(20, 2));
      for (int i = 0; i < 10; ++i) Add(*b, "both", i);
      for (int i = 5; i < 15; ++i) REQUIRE(appender->Append(Named("both", i), t += 1000, 3).ok());
      REQUIRE(appender->Commit().ok());
      b->CommitTick(t += 1000, std::vector<double>(11, 4));
      a->CommitTick(t += 1000, std::vector<double>(20, 5));
    });
    for (int i = 0; i < 130; ++i) a->CommitTick(t += 1000, std::vector<double>(20, i));
    appender.reset();
    a.reset();
    b.reset();
    test.CheckReopened();
  }
}

}  // namespace
}  // namespace narthex::tsdb
