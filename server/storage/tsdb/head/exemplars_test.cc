#include "server/storage/tsdb/head/exemplars.h"

#include <random>

#include "server/storage/tsdb/testing.h"

namespace narthex::tsdb {
namespace {

using storage::AppendResult;
using storage::Exemplar;
using Verdict = ExemplarRing::Verdict;

constexpr int64_t kT0 = 1'700'000'000'000;

Labels Named(const std::string& name) { return Labels{{"__name__", name}}; }
Exemplar At(int64_t t, double v = 1, const std::string& trace = "a") {
  return {.labels = Labels{{"trace_id", trace}}, .value = v, .timestamp = t};
}

// "name: t/v/trace …" for each series found.
std::vector<std::string> Found(
    const std::vector<storage::ExemplarQueryable::SeriesExemplars>& all) {
  std::vector<std::string> out;
  for (const auto& series : all) {
    std::string line(series.series.metric_name());
    for (const Exemplar& e : series.exemplars) {
      line += fmt::format(" {}/{}/{}", e.timestamp, e.value, e.labels.Get("trace_id"));
    }
    out.push_back(line);
  }
  return out;
}

const std::vector<std::vector<Matcher>> kAll = {{}};

TEST_CASE("The ring keeps the newest exemplars of all series") {
  ExemplarRing ring(3);
  CHECK(ring.Add(Named("b"), At(1)) == Verdict::kTaken);
  CHECK(ring.Add(Named("a"), At(2)) == Verdict::kTaken);
  CHECK(ring.Add(Named("b"), At(3, 2, "x")) == Verdict::kTaken);
  CHECK(Found(ring.Select(0, 10, kAll)) == std::vector<std::string>{"a 2/1/a", "b 1/1/a 3/2/x"});
  CHECK(ring.Add(Named("a"), At(4)) == Verdict::kTaken);
  CHECK(Found(ring.Select(0, 10, kAll)) == std::vector<std::string>{"a 2/1/a 4/1/a", "b 3/2/x"});
  CHECK(ring.Add(Named("a"), At(5)) == Verdict::kTaken);
  CHECK(ring.Add(Named("a"), At(6)) == Verdict::kTaken);
  CHECK(Found(ring.Select(0, 10, kAll)) == std::vector<std::string>{"a 4/1/a 5/1/a 6/1/a"});
  CHECK(ring.figures().series == 1);
  CHECK(ring.figures().size == 3);
  CHECK(ring.figures().oldest_time == 4);
  // Ranges are closed; any selector may match.
  CHECK(Found(ring.Select(5, 5, kAll)) == std::vector<std::string>{"a 5/1/a"});
  CHECK(Found(ring.Select(7, 9, kAll)).empty());
  const std::vector<std::vector<Matcher>> selectors = {{Matcher::Equal("__name__", "z")},
                                                       {Matcher::Equal("__name__", "a")}};
  CHECK(Found(ring.Select(5, 5, selectors)).size() == 1);
  CHECK(Found(ring.Select(5, 5, std::span(selectors).first(1))).empty());
}

TEST_CASE("Exemplars come in the order of time, value and labels") {
  ExemplarRing ring(10);
  const Labels s = Named("s");
  REQUIRE(ring.Add(s, At(10, 5, "m")) == Verdict::kTaken);
  CHECK(ring.Add(s, At(10, 5, "m")) == Verdict::kDuplicate);
  CHECK(ring.Add(s, At(9, 6, "m")) == Verdict::kOutOfOrder);
  CHECK(ring.Add(s, At(10, 4, "m")) == Verdict::kOutOfOrder);
  CHECK(ring.Add(s, At(10, 6, "m")) == Verdict::kTaken);
  CHECK(ring.figures().out_of_order == 2);
  CHECK(ring.figures().appended == 2);
  // Without timestamps on both sides time does not make a difference.
  Exemplar untimed = At(20, 1, "u");
  untimed.has_timestamp = false;
  REQUIRE(ring.Add(s, untimed) == Verdict::kTaken);
  untimed.timestamp = 30;
  CHECK(ring.Add(s, untimed) == Verdict::kDuplicate);
  ExemplarRing off(0);
  CHECK(off.Add(s, At(1)) == Verdict::kOff);
  CHECK(Found(off.Select(0, 10, kAll)).empty());
}

TEST_CASE("A ring changes its size and keeps the newest") {
  ExemplarRing ring(4);
  for (int i = 1; i <= 6; ++i) ring.Add(Named(i % 2 == 0 ? "even" : "odd"), At(i));
  ring.Resize(2);
  CHECK(Found(ring.Select(0, 10, kAll)) == std::vector<std::string>{"even 6/1/a", "odd 5/1/a"});
  ring.Resize(3);
  ring.Add(Named("odd"), At(7));
  ring.Add(Named("odd"), At(9));
  CHECK(Found(ring.Select(0, 10, kAll)) ==
        std::vector<std::string>{"even 6/1/a", "odd 7/1/a 9/1/a"});
  ring.Resize(0);
  CHECK(ring.figures().size == 0);
  ring.Resize(1);
  CHECK(ring.Add(Named("odd"), At(1)) == Verdict::kTaken);
}

TEST_CASE("A ring agrees with a list") {
  std::mt19937_64 random(3);
  for (int round = 0; round < 50; ++round) {
    size_t capacity = random() % 20 + 1;
    ExemplarRing ring(capacity);
    std::vector<std::pair<std::string, Exemplar>> list;
    for (int i = 0; i < 300; ++i) {
      const std::string name = fmt::format("s{}", random() % 6);
      const Exemplar e = At(i, static_cast<double>(random() % 3));
      REQUIRE(ring.Add(Named(name), e) == Verdict::kTaken);
      list.emplace_back(name, e);
      const auto trim = [&] {
        if (list.size() > capacity) {
          list.erase(list.begin(), list.end() - static_cast<long>(capacity));
        }
      };
      trim();
      if (random() % 50 == 0) ring.Resize(capacity = random() % 20 + 1);
      trim();
      std::map<std::string, std::string> want;
      for (const auto& [n, x] : list) want[n] += fmt::format(" {}/{}/a", x.timestamp, x.value);
      std::vector<std::string> lines;
      for (const auto& [n, text] : want) lines.push_back(n + text);
      if (Found(ring.Select(0, 1000, kAll)) != lines) FAIL("round " << round << " step " << i);
    }
  }
}

TEST_CASE("Records of exemplars") {
  std::vector<LoggedExemplar> in;
  for (int i = 0; i < 5; ++i)
    in.push_back({static_cast<uint64_t>(7 * i % 5), At(kT0 - i, i * 0.5)});
  in[2].exemplar.has_timestamp = false;
  in[3].exemplar.labels = Labels();
  const std::string payload = EncodeExemplars(in);
  const auto out = DecodeExemplars(payload);
  REQUIRE(out.size() == in.size());
  for (size_t i = 0; i < in.size(); ++i) {
    CHECK(out[i].ref == in[i].ref);
    CHECK(out[i].exemplar.labels == in[i].exemplar.labels);
    CHECK(out[i].exemplar.value == in[i].exemplar.value);
    CHECK(out[i].exemplar.timestamp == in[i].exemplar.timestamp);
    CHECK(out[i].exemplar.has_timestamp == in[i].exemplar.has_timestamp);
  }
  for (size_t cut = 0; cut < payload.size(); ++cut) {
    CHECK(DecodeExemplars(std::string_view(payload).substr(0, cut)).size() < in.size());
  }
}

TEST_CASE("Exemplars of the database outlive it") {
  TempDir dir;
  Options options = TestOptions(dir.path());
  options.max_exemplars = 100;
  auto db = OpenDb(options);
  auto appender = db->NewAppender();
  CHECK(appender->AppendExemplar(Named("a"), At(kT0)).status().code() == StatusCode::kNotFound);
  REQUIRE(appender->Append(Named("a"), kT0, 1).ok());
  REQUIRE(appender->Append(Named("b"), kT0, 1).ok());
  CHECK(*appender->AppendExemplar(Named("a"), At(kT0)) == AppendResult::kOk);
  CHECK(Found(*db->SelectExemplars(0, kT0, kAll)).empty());
  REQUIRE(appender->Commit().ok());
  CHECK(*appender->AppendExemplar(Named("a"), At(kT0)) == AppendResult::kOk);  // dropped
  CHECK(*appender->AppendExemplar(Named("a"), At(kT0 - 1)) == AppendResult::kOutOfOrder);
  CHECK(*appender->AppendExemplar(Named("b"), At(kT0 + 1)) == AppendResult::kOk);
  const std::string most(128 - 8, 'x');
  CHECK(appender->AppendExemplar(Named("b"), At(kT0 + 2, 1, most)).ok());
  const auto longer = appender->AppendExemplar(Named("b"), At(kT0 + 3, 1, most + "y"));
  CHECK(MessageOf(longer.status()) ==
        "label length for exemplar exceeds maximum of 128 UTF-8 characters");
  REQUIRE(appender->Commit(true).ok());
  CHECK(*appender->AppendExemplar(Named("b"), At(kT0 + 9)) == AppendResult::kOk);
  appender->Rollback();
  const std::vector<std::string> want = {fmt::format("a {}/1/a", kT0),
                                         fmt::format("b {}/1/a {}/1/{}", kT0 + 1, kT0 + 2, most)};
  CHECK(Found(*db->SelectExemplars(0, INT64_MAX, kAll)) == want);
  for (const bool checkpoint : {false, true, true}) {
    if (checkpoint) REQUIRE(db->Checkpoint().ok());
    appender.reset();
    db.reset();
    db = OpenDb(options);
    CHECK(Found(*db->SelectExemplars(0, INT64_MAX, kAll)) == want);
  }
  db->SetMaxExemplars(1);
  CHECK(Found(*db->SelectExemplars(0, INT64_MAX, kAll)).size() == 1);
  db->SetMaxExemplars(0);
  appender = db->NewAppender();
  CHECK(*appender->AppendExemplar(Named("b"), At(kT0 + 9)) == AppendResult::kOk);
  REQUIRE(appender->Commit().ok());
  CHECK(Found(*db->SelectExemplars(0, INT64_MAX, kAll)).empty());
}

}  // namespace
}  // namespace narthex::tsdb
