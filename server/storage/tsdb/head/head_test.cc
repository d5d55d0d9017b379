// The rules of the head as its users see them.

#include <random>

#include "server/storage/tsdb/testing.h"

namespace narthex::tsdb {
namespace {

using storage::AppendResult;
using storage::kStaleNaNBits;
using storage::StaleNaN;

constexpr int64_t kT0 = 1'700'000'000'000;

TEST_CASE("A group's ticks are read back") {
  TempDir dir;
  auto db = OpenDb(TestOptions(dir.path()));
  auto group = db->NewGroup();
  bool created = false;
  const auto a = group->AddMember(Labels{{"__name__", "a"}, {"job", "x"}}, &created);
  REQUIRE(a.ok());
  CHECK(created);
  const auto b = group->AddMember(Labels{{"__name__", "b"}, {"job", "x"}}, &created);
  REQUIRE(b.ok());
  CHECK(*a != *b);
  Contents want;
  for (int i = 0; i < 500; ++i) {
    std::vector<double> values(2);
    values[*a] = i;
    values[*b] = i % 7 * 0.1;
    const auto commit = group->CommitTick(kT0 + i * 15000, values);
    REQUIRE(commit.appended == 2);
    want["{__name__=\"a\", job=\"x\"}"].emplace_back(kT0 + i * 15000, Bits(values[*a]));
    want["{__name__=\"b\", job=\"x\"}"].emplace_back(kT0 + i * 15000, Bits(values[*b]));
  }
  CheckSame(Dump(*db), want);
  CHECK(db->max_time() == kT0 + 499 * 15000);
  CHECK(db->min_time() == kT0);
  CHECK(db->series_count() == 2);

  auto querier = db->NewQuerier(kT0, kT0 + 100 * 15000);
  auto list = (*querier)->Select({}, std::vector<Matcher>{Matcher::Equal("__name__", "a")});
  REQUIRE((*list)->size() == 1);
  int64_t t = 0;
  double v = 0;
  REQUIRE((*list)->Last(0, INT64_MIN, INT64_MAX, &t, &v));
  CHECK(t == kT0 + 100 * 15000);
  CHECK(v == 100);
  REQUIRE((*list)->Last(0, kT0 + 14999, kT0 + 15000, &t, &v));
  CHECK(t == kT0 + 15000);
  CHECK_FALSE((*list)->Last(0, kT0 + 15000, kT0 + 15001, &t, &v));
}

TEST_CASE("Series, names and values are those with samples at the times asked for") {
  TempDir dir;
  auto db = OpenDb(TestOptions(dir.path()));
  auto group = db->NewGroup();
  bool created = false;
  const uint32_t early = *group->AddMember(Labels{{"__name__", "early"}, {"a", "1"}}, &created);
  const uint32_t late = *group->AddMember(Labels{{"__name__", "late"}, {"b", "2"}}, &created);
  for (int i = 0; i < 500; ++i) {
    std::vector<double> values(2);
    values[early] = i < 200 ? i : StaleNaN();
    values[late] = i < 300 ? StaleNaN() : i;
    group->CommitTick(kT0 + i * 15000, values);
  }
  const Labels appended{{"__name__", "appended"}, {"c", "3"}};
  auto appender = db->NewAppender();
  REQUIRE(appender->Append(appended, kT0 + 6'000'000, 1).ok());
  REQUIRE(appender->Commit().ok());

  struct Case {
    int64_t mint, maxt;
    std::vector<std::string> metrics;
    bool any;  // whether the head has anything then
  };
  const Case cases[] = {
      {INT64_MIN, INT64_MAX, {"appended", "early", "late"}, true},
      {kT0, kT0 + 1'500'000, {"early"}, true},
      {kT0 + 3'100'000, kT0 + 4'400'000, {}, true},
      {kT0 + 5'900'000, kT0 + 6'100'000, {"appended", "late"}, true},
      {kT0 + 6'000'001, kT0 + 7'000'000, {"late"}, true},
      {kT0 - 1000, kT0 - 1, {}, false},
      {kT0 + 499 * 15000 + 1, INT64_MAX, {}, false},
      {kT0 + 5, kT0, {}, false},
  };
  storage::SelectHints hints;
  hints.function = "series";
  const std::vector<Matcher> all{*Matcher::Create(MatchType::kRegex, "__name__", ".+")};
  for (const Case& c : cases) {
    INFO(c.mint << " to " << c.maxt);
    const auto querier = db->NewQuerier(c.mint, c.maxt);
    REQUIRE(querier.ok());
    std::vector<std::string> metrics;
    const auto list = (*querier)->Select(hints, all);
    for (size_t i = 0; i < (*list)->size(); ++i) {
      metrics.emplace_back((*list)->labels(i).metric_name());
    }
    std::sort(metrics.begin(), metrics.end());
    CHECK(metrics == c.metrics);
    bool cut = false;
    CHECK((*querier)->LabelNames({}, 0, &cut)->size() == (c.any ? 4 : 0));
    CHECK((*querier)->LabelNames(all, 0, &cut)->size() == (c.any ? 4 : 0));
    CHECK((*querier)->LabelValues("__name__", {}, 0, &cut)->size() == (c.any ? 3 : 0));
  }
}

TEST_CASE("Samples of series that pause stay where they were while the others go on") {
  TempDir dir;
  auto db = OpenDb(TestOptions(dir.path()));
  auto group = db->NewGroup();
  // Each shows its first samples, then nothing for as many ticks as its name says.
  const std::vector<int> pauses = {0, 1, 60, 99, 100, 101, 123, 124, 127, 128, 129, 400};
  std::vector<uint32_t> members;
  Contents want;
  for (const int pause : pauses) {
    bool created = false;
    const Labels labels{{"__name__", "m"}, {"pause", fmt::format("{}", pause)}};
    members.push_back(*group->AddMember(labels, &created));
  }
  constexpr int kShown = 70;
  for (int i = 0; i < 700; ++i) {
    const int64_t t = kT0 + i * 1000;
    std::vector<double> values(members.size());
    for (size_t m = 0; m < members.size(); ++m) {
      const bool shown = i < kShown || i >= kShown + pauses[m];
      values[members[m]] = shown ? i : StaleNaN();
      if (!shown && i > kShown) continue;
      want[fmt::format("{{__name__=\"m\", pause=\"{}\"}}", pauses[m])].emplace_back(
          t, shown ? Bits(i) : kStaleNaNBits);
    }
    group->CommitTick(t, values);
    if (i == 250) CheckSame(Dump(*db), want);
  }
  CheckSame(Dump(*db), want);
  group.reset();
  db.reset();
  CheckSame(Dump(*OpenDb(TestOptions(dir.path()))), want);
}

TEST_CASE("Chunks of many series that fill or end at once are read back") {
  constexpr size_t kSeries = 300;  // above what is sealed in one tick
  TempDir dir;
  auto db = OpenDb(TestOptions(dir.path()));
  auto group = db->NewGroup();
  const auto name = [](size_t i) { return Labels{{"__name__", "m"}, {"i", fmt::format("{}", i)}}; };
  std::vector<size_t> of_member;
  const auto add = [&](size_t i) {
    bool created = false;
    const auto member = group->AddMember(name(i), &created);
    REQUIRE(member.ok());
    if (*member >= of_member.size()) of_member.resize(*member + 1);
    of_member[*member] = i;
  };
  for (size_t i = 0; i < kSeries; ++i) add(i);
  Contents want;
  for (int tick = 0; tick < 400; ++tick) {
    const int64_t t = kT0 + tick * 15000;
    if (tick == 130 || tick == 135) {
      // A third is replaced by others; every ninth ends in the middle of a block.
      for (uint32_t m = tick % 2; m < 200; m += tick == 130 ? 1 : 9) {
        if (of_member[m] == SIZE_MAX) continue;
        want[name(of_member[m]).ToString()].emplace_back(t, kStaleNaNBits);
        group->RetireMember(m);
        of_member[m] = SIZE_MAX;
      }
    }
    std::vector<double> values(group->member_count(), StaleNaN());
    for (size_t m = 0; m < of_member.size(); ++m) {
      if (of_member[m] == SIZE_MAX) continue;
      values[m] = static_cast<double>(of_member[m] % 3 == 0 ? 5 : of_member[m] * 1000) +
                  (of_member[m] % 3 == 1 ? tick * 0.125 : 0);
      want[name(of_member[m]).ToString()].emplace_back(t, Bits(values[m]));
    }
    REQUIRE(group->CommitTick(t, values).refused == 0);
    if (tick == 130) {
      for (size_t i = 0; i < 150; ++i) add(kSeries + i);
    }
  }
  // All at once, and some alone, whose chunks are read one by one.
  const auto check = [&] {
    CheckSame(Dump(*db), want);
    for (size_t i = 0; i < kSeries + 150; i += 13) {
      const std::string text = name(i).ToString();
      const auto matcher = Match(MatchType::kEqual, "i", fmt::format("{}", i));
      CheckSame(Dump(*db, {matcher}), {{text, want[text]}});
    }
  };
  check();
  group.reset();
  db.reset();
  db = OpenDb(TestOptions(dir.path()));
  check();
}

TEST_CASE("Stale markers are written once") {
  TempDir dir;
  auto db = OpenDb(TestOptions(dir.path()));
  auto group = db->NewGroup();
  bool created;
  REQUIRE(group->AddMember(Labels{{"__name__", "a"}}, &created).ok());
  CHECK(group->CommitTick(kT0, std::vector<double>{StaleNaN()}).appended == 0);
  CHECK(group->CommitTick(kT0 + 1, std::vector<double>{1}).appended == 1);
  CHECK(group->CommitTick(kT0 + 2, std::vector<double>{StaleNaN()}).appended == 1);
  CHECK(group->CommitTick(kT0 + 3, std::vector<double>{StaleNaN()}).appended == 0);
  CHECK(group->CommitTick(kT0 + 4, std::vector<double>{2}).appended == 1);
  group->RetireMember(0);
  CHECK(group->CommitTick(kT0 + 5, std::vector<double>{7}).appended == 1);
  CHECK(group->CommitTick(kT0 + 6, std::vector<double>{7}).appended == 0);
  const Contents want = {{"{__name__=\"a\"}",
                          {{kT0 + 1, Bits(1)},
                           {kT0 + 2, kStaleNaNBits},
                           {kT0 + 4, Bits(2)},
                           {kT0 + 5, kStaleNaNBits}}}};
  CheckSame(Dump(*db), want);
}

TEST_CASE("a sample that is there already is neither counted nor logged again") {
  TempDir dir;
  Registry registry;
  Options options = TestOptions(dir.path());
  options.registry = &registry;
  auto db = OpenDb(options);
  const auto appended = [&] {
    for (const auto& family : registry.Gather().families) {
      if (family.name == "prometheus_tsdb_head_samples_appended_total")
        return family.samples.at(0).value;
    }
    return -1.0;
  };
  const auto log_bytes = [&] {
    uintmax_t bytes = 0;
    for (const auto& file : std::filesystem::directory_iterator(dir.path() + "/head")) {
      if (file.is_regular_file()) bytes += file.file_size();
    }
    return bytes;
  };
  const Labels labels{{"__name__", "a"}};
  auto appender = db->NewAppender();
  CHECK(*appender->Append(labels, kT0, 1) == AppendResult::kOk);
  CHECK(*appender->Append(labels, kT0, 1) == AppendResult::kOk);
  REQUIRE(appender->Commit(true).ok());
  CHECK(appended() == 1);
  const uintmax_t before = log_bytes();
  CHECK(*appender->Append(labels, kT0, 1) == AppendResult::kOk);
  REQUIRE(appender->Commit(true).ok());
  CHECK(appended() == 1);
  CHECK(log_bytes() == before);
}

TEST_CASE("Appender classifies samples") {
  TempDir dir;
  auto db = OpenDb(TestOptions(dir.path()));
  const Labels labels{{"__name__", "a"}};
  auto appender = db->NewAppender();
  CHECK(*appender->Append(labels, kT0, 1) == AppendResult::kOk);
  CHECK(*appender->Append(labels, kT0, 1) == AppendResult::kOk);
  CHECK(*appender->Append(labels, kT0, 2) == AppendResult::kDuplicate);
  CHECK(*appender->Append(labels, kT0 - 1, 2) == AppendResult::kOutOfOrder);
  CHECK(Dump(*db).empty());
  REQUIRE(appender->Commit().ok());
  CHECK(*appender->Append(labels, kT0, 1) == AppendResult::kOk);
  CHECK(*appender->Append(labels, kT0, 2) == AppendResult::kDuplicate);
  CHECK(*appender->Append(labels, kT0 - 1, 2) == AppendResult::kOutOfOrder);
  CHECK(*appender->Append(labels, kT0 - 3600'001, 2) == AppendResult::kOutOfBounds);
  CHECK(*appender->Append(Labels{{"__name__", "b"}}, kT0 - 3600'000, 2) == AppendResult::kOk);
  CHECK(*appender->Append(labels, kT0 + 5, 3) == AppendResult::kOk);
  appender->Rollback();
  const Contents want = {{"{__name__=\"a\"}", {{kT0, Bits(1)}}}};
  CheckSame(Dump(*db), want);
}

TEST_CASE("Late ticks follow the rules of each series") {
  TempDir dir;
  auto db = OpenDb(TestOptions(dir.path()));
  auto group = db->NewGroup();
  bool created;
  REQUIRE(group->AddMember(Labels{{"n", "0"}}, &created).ok());
  REQUIRE(group->AddMember(Labels{{"n", "1"}}, &created).ok());
  group->CommitTick(kT0, std::vector<double>{1, 1});
  auto again = group->CommitTick(kT0, std::vector<double>{1, 2});
  CHECK(again.appended == 1);
  CHECK(again.duplicate == 1);
  CHECK(group->CommitTick(kT0 - 1, std::vector<double>{1, 2}).out_of_order == 2);
  CHECK(group->CommitTick(kT0 - 3600'001, std::vector<double>{1, 2}).out_of_bounds == 2);
  REQUIRE(group->AddMember(Labels{{"n", "2"}}, &created).ok());
  const auto late = group->CommitTick(kT0 - 5, std::vector<double>{1, 2, 3});
  CHECK(late.out_of_order == 2);
  CHECK(late.appended == 1);
  CHECK(group->CommitTick(kT0 + 10, std::vector<double>{4, 5, 6}).appended == 3);
  const Contents want = {{"{n=\"0\"}", {{kT0, Bits(1)}, {kT0 + 10, Bits(4)}}},
                         {"{n=\"1\"}", {{kT0, Bits(1)}, {kT0 + 10, Bits(5)}}},
                         {"{n=\"2\"}", {{kT0 - 5, Bits(3)}, {kT0 + 10, Bits(6)}}}};
  CheckSame(Dump(*db), want);
}

TEST_CASE("A series written by two sources keeps both") {
  TempDir dir;
  auto db = OpenDb(TestOptions(dir.path()));
  const Labels labels{{"__name__", "shared"}};
  auto one = db->NewGroup();
  auto two = db->NewGroup();
  bool created;
  REQUIRE(one->AddMember(labels, &created).ok());
  CHECK(one->CommitTick(kT0, std::vector<double>{1}).appended == 1);
  REQUIRE(two->AddMember(labels, &created).ok());
  CHECK_FALSE(created);
  CHECK(two->CommitTick(kT0 + 1, std::vector<double>{2}).appended == 1);
  CHECK(one->CommitTick(kT0 + 2, std::vector<double>{3}).appended == 1);
  CHECK(one->CommitTick(kT0 + 1, std::vector<double>{3}).out_of_order == 1);
  auto appender = db->NewAppender();
  CHECK(*appender->Append(labels, kT0 + 3, 4) == AppendResult::kOk);
  REQUIRE(appender->Commit(true).ok());
  const Contents want = {
      {"{__name__=\"shared\"}",
       {{kT0, Bits(1)}, {kT0 + 1, Bits(2)}, {kT0 + 2, Bits(3)}, {kT0 + 3, Bits(4)}}}};
  CheckSame(Dump(*db), want);
}

TEST_CASE("Matchers select as PromQL demands") {
  TempDir dir;
  auto db = OpenDb(TestOptions(dir.path()));
  auto appender = db->NewAppender();
  for (const auto& labels :
       {Labels{{"n", "1"}}, Labels{{"n", "1"}, {"i", "a"}}, Labels{{"n", "1"}, {"i", "b"}},
        Labels{{"n", "2"}}, Labels{{"n", "2.5"}}}) {
    REQUIRE(appender->Append(labels, kT0, 1).ok());
  }
  REQUIRE(appender->Commit().ok());
  using enum MatchType;
  struct Case {
    std::vector<Matcher> matchers;
    std::vector<std::string> want;
  };
  const std::string n1 = "{n=\"1\"}", n1a = "{i=\"a\", n=\"1\"}", n1b = "{i=\"b\", n=\"1\"}",
                    n2 = "{n=\"2\"}", n25 = "{n=\"2.5\"}";
  const std::vector<Case> cases = {
      {{Match(kEqual, "n", "1")}, {n1, n1a, n1b}},
      {{Match(kEqual, "n", "1"), Match(kEqual, "i", "a")}, {n1a}},
      {{Match(kEqual, "n", "1"), Match(kEqual, "i", "missing")}, {}},
      {{Match(kEqual, "missing", "")}, {n1, n1a, n1b, n2, n25}},
      {{Match(kNotEqual, "n", "1")}, {n2, n25}},
      {{Match(kNotEqual, "i", "")}, {n1a, n1b}},
      {{Match(kEqual, "n", "1"), Match(kNotEqual, "i", "a")}, {n1, n1b}},
      {{Match(kRegex, "n", "^1$")}, {n1, n1a, n1b}},
      {{Match(kEqual, "n", "1"), Match(kRegex, "i", "a|b")}, {n1a, n1b}},
      {{Match(kEqual, "n", "1"), Match(kRegex, "i", "a?")}, {n1, n1a}},
      {{Match(kRegex, "i", ".+")}, {n1a, n1b}},
      {{Match(kRegex, "i", ".*"), Match(kEqual, "n", "2")}, {n2}},
      {{Match(kRegex, "n", "2.*")}, {n2, n25}},
      {{Match(kNotRegex, "n", "2.*")}, {n1, n1a, n1b}},
      {{Match(kNotRegex, "i", ".+")}, {n1, n2, n25}},
      {{Match(kNotRegex, "i", ".*")}, {}},
      {{Match(kNotRegex, "i", "a|b|")}, {}},
      {{Match(kEqual, "n", "1"), Match(kNotRegex, "i", "a|")}, {n1b}},
      {{Match(kNotEqual, "n", "1"), Match(kNotEqual, "n", "2")}, {n25}},
  };
  for (size_t i = 0; i < cases.size(); ++i) {
    INFO("case " << i);
    std::vector<std::string> got;
    for (const auto& [labels, samples] : Dump(*db, cases[i].matchers)) got.push_back(labels);
    std::vector<std::string> want = cases[i].want;
    std::sort(want.begin(), want.end());
    CHECK(got == want);
  }
  auto querier = db->NewQuerier(INT64_MIN, INT64_MAX);
  bool cut = true;
  CHECK(*(*querier)->LabelNames({}, 0, &cut) == std::vector<std::string>{"i", "n"});
  CHECK_FALSE(cut);
  CHECK(*(*querier)->LabelNames({}, 1, &cut) == std::vector<std::string>{"i"});
  CHECK(cut);
  CHECK(*(*querier)->LabelNames(std::vector<Matcher>{Match(kEqual, "n", "2")}, 0, &cut) ==
        std::vector<std::string>{"n"});
  CHECK(*(*querier)->LabelValues("n", {}, 0, &cut) == std::vector<std::string>{"1", "2", "2.5"});
  CHECK(*(*querier)->LabelValues("n", std::vector<Matcher>{Match(kEqual, "i", "b")}, 0, &cut) ==
        std::vector<std::string>{"1"});
  CHECK((*querier)->LabelValues("nothing", {}, 0, &cut)->empty());
}

}  // namespace
}  // namespace narthex::tsdb
