#include "core/kv/store.h"

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <map>

#include "core/base/file.h"
#include "core/strings/numbers.h"
#include "tests/catch.h"
#include "tests/temp_dir.h"

namespace narthex {
namespace {

std::unique_ptr<KvStore> MustOpen(const std::string& dir, uint32_t version = 1) {
  auto store = KvStore::Open(dir, version);
  INFO(MessageOf(store.status()));
  REQUIRE(store.ok());
  return *std::move(store);
}

std::map<std::string, std::string> Contents(const KvStore& store, std::string_view prefix = "") {
  std::map<std::string, std::string> all;
  REQUIRE(store
              .Scan(prefix,
                    [&](std::string_view k, std::string_view v) {
                      all.emplace(k, v);
                      return true;
                    })
              .ok());
  return all;
}

TEST_CASE("what is put can be read, scanned and deleted") {
  TempDir dir;
  auto store = MustOpen(dir.path() + "/new/db");
  CHECK(store->Get("a").value() == std::nullopt);
  REQUIRE(store->Put("a", "1", Durability::kBuffered).ok());
  REQUIRE(store->Put("b/1", std::string("\0x\n", 3), Durability::kSync).ok());
  REQUIRE(store->Put("b/2", "", Durability::kBuffered).ok());
  REQUIRE(store->Put("c", "3", Durability::kBuffered).ok());
  CHECK(store->Get("b/1").value() == std::string("\0x\n", 3));
  CHECK(store->Get("b/2").value() == "");
  CHECK(Contents(*store, "b/").size() == 2);
  CHECK(Contents(*store).size() == 4);
  REQUIRE(store->Delete("b/1", Durability::kBuffered).ok());
  REQUIRE(store->Delete("nothing", Durability::kBuffered).ok());
  CHECK(store->Get("b/1").value() == std::nullopt);

  std::vector<std::string> seen;
  REQUIRE(store
              ->Scan("",
                     [&](std::string_view k, std::string_view) {
                       seen.emplace_back(k);
                       return seen.size() < 2;
                     })
              .ok());
  CHECK(seen == std::vector<std::string>{"a", "b/2"});
}

TEST_CASE("a scan does not see what is written during it") {
  TempDir dir;
  auto store = MustOpen(dir.path());
  REQUIRE(store->Put("k1", "", Durability::kBuffered).ok());
  REQUIRE(store->Put("k2", "", Durability::kBuffered).ok());
  size_t visits = 0;
  REQUIRE(store
              ->Scan("k",
                     [&](std::string_view k, std::string_view) {
                       ++visits;
                       REQUIRE(store->Put(std::string(k) + "x", "", Durability::kBuffered).ok());
                       REQUIRE(store->Delete(k, Durability::kBuffered).ok());
                       return true;
                     })
              .ok());
  CHECK(visits == 2);
  CHECK(Contents(*store) == std::map<std::string, std::string>{{"k1x", ""}, {"k2x", ""}});
}

TEST_CASE("keys that would shadow our own are refused") {
  TempDir dir;
  auto store = MustOpen(dir.path());
  for (std::string_view key : {std::string_view(""), std::string_view("\0schema", 7)}) {
    CHECK(store->Put(key, "9", Durability::kBuffered).code() == StatusCode::kInvalidArgument);
    CHECK_FALSE(store->Get(key).ok());
    CHECK_FALSE(store->Delete(key, Durability::kBuffered).ok());
    KvBatch batch;
    batch.Put("fine", "1");
    batch.Put(key, "9");
    CHECK_FALSE(store->Write(batch, Durability::kBuffered).ok());
  }
  CHECK(Contents(*store).empty());
}

TEST_CASE("a batch is applied as a whole and survives a reopen") {
  TempDir dir;
  {
    auto store = MustOpen(dir.path());
    REQUIRE(store->Put("old", "1", Durability::kBuffered).ok());
    KvBatch batch;
    batch.Put("x", "1");
    batch.Put("y", "2");
    batch.Delete("old");
    CHECK(batch.size() == 3);
    REQUIRE(store->Write(batch, Durability::kSync).ok());
  }
  CHECK(Contents(*MustOpen(dir.path())) ==
        std::map<std::string, std::string>{{"x", "1"}, {"y", "2"}});
}

TEST_CASE("another holder, a foreign database and damage are reported") {
  TempDir dir;
  {
    auto store = MustOpen(dir.path());
    auto second = KvStore::Open(dir.path(), 1);
    REQUIRE_FALSE(second.ok());
    CHECK(second.status().code() == StatusCode::kUnavailable);
    CHECK(MessageOf(second.status()).find(dir.path()) != std::string_view::npos);
    REQUIRE(store->Put("k", "v", Durability::kSync).ok());
  }
  std::ofstream(dir.path() + "/CURRENT") << "MANIFEST-999999\n";
  CHECK_FALSE(KvStore::Open(dir.path(), 1).ok());
}

TEST_CASE("contents of an older schema are upgraded, of a newer one refused") {
  TempDir dir;
  REQUIRE(MustOpen(dir.path(), 1)->Put("a", "1", Durability::kSync).ok());
  CHECK(KvStore::Open(dir.path(), 2).status().code() == StatusCode::kFailedPrecondition);

  auto failing = KvStore::Open(dir.path(), 2, [](const KvStore&, uint32_t, KvBatch* batch) {
    batch->Put("half", "done");
    return Internal("no");
  });
  CHECK(MessageOf(failing.status()).find("upgrade from schema version 1: no") !=
        std::string_view::npos);
  CHECK(Contents(*MustOpen(dir.path(), 1)).count("half") == 0);

  uint32_t upgraded_from = 0;
  auto upgraded =
      KvStore::Open(dir.path(), 3, [&](const KvStore& s, uint32_t from, KvBatch* batch) {
        upgraded_from = from;
        batch->Put("b", *s.Get("a").value() + "!");
        batch->Delete("a");
        return OkStatus();
      });
  REQUIRE(upgraded.ok());
  CHECK(upgraded_from == 1);
  CHECK(Contents(**upgraded) == std::map<std::string, std::string>{{"b", "1!"}});
  upgraded->reset();
  CHECK(KvStore::Open(dir.path(), 2).status().code() == StatusCode::kFailedPrecondition);
  MustOpen(dir.path(), 3);
}

TEST_CASE("typed tables encode, decode and report what is broken") {
  TempDir dir;
  auto store = MustOpen(dir.path());
  KvTable<int64_t> table(
      store.get(), "n/", [](const int64_t& v) { return std::to_string(v); },
      [](std::string_view text) -> StatusOr<int64_t> {
        if (auto v = ParseInt(text)) return *v;
        return DataLoss("not a number");
      });
  REQUIRE(table.Put("one", 1, Durability::kBuffered).ok());
  KvBatch batch;
  table.AddTo(&batch, "two", 2);
  REQUIRE(store->Write(batch, Durability::kBuffered).ok());
  REQUIRE(store->Put("n/bad", "x", Durability::kBuffered).ok());
  CHECK(table.Get("two").value() == 2);
  CHECK(table.Get("three").value() == std::nullopt);
  CHECK(table.Get("bad").status().code() == StatusCode::kDataLoss);
  int64_t sum = 0;
  std::vector<std::string> broken;
  REQUIRE(table
              .ForEach([&](std::string_view, int64_t v) { return sum += v, true; },
                       [&](std::string_view k, const Status&) { broken.emplace_back(k); })
              .ok());
  CHECK(sum == 3);
  CHECK(broken == std::vector<std::string>{"bad"});
  REQUIRE(table.Delete("one", Durability::kBuffered).ok());
  CHECK(table.Get("one").value() == std::nullopt);
}

TEST_CASE("acknowledged writes survive kill -9, batches never tear") {
  TempDir dir;
  int pipe_fds[2];
  REQUIRE(pipe(pipe_fds) == 0);
  const pid_t child = fork();
  if (child == 0) {
    close(pipe_fds[0]);
    auto store = KvStore::Open(dir.path(), 1);
    if (!store.ok()) _exit(1);
    for (uint32_t i = 0;; ++i) {
      KvBatch batch;
      batch.Put("left/" + std::to_string(i), "1");
      batch.Put("right/" + std::to_string(i), std::string(200, 'x'));
      const auto durability = i % 16 == 0 ? Durability::kSync : Durability::kBuffered;
      if (!(*store)->Write(batch, durability).ok()) _exit(2);
      if (write(pipe_fds[1], &i, sizeof i) != sizeof i) _exit(3);
    }
  }
  close(pipe_fds[1]);
  uint32_t acknowledged = 0;
  while (acknowledged < 3000) REQUIRE(read(pipe_fds[0], &acknowledged, 4) == 4);
  kill(child, SIGKILL);
  while (read(pipe_fds[0], &acknowledged, 4) == 4) {
  }
  close(pipe_fds[0]);
  int status = 0;
  waitpid(child, &status, 0);
  REQUIRE(WIFSIGNALED(status));

  auto store = MustOpen(dir.path());
  const auto left = Contents(*store, "left/"), right = Contents(*store, "right/");
  CHECK(left.size() > acknowledged);
  CHECK(left.size() == right.size());
  for (uint32_t i = 0; i <= acknowledged; ++i) {
    if (left.count("left/" + std::to_string(i)) == 0) FAIL("lost write " << i);
  }
}

}  // namespace
}  // namespace narthex
