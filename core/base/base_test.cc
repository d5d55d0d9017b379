#include <filesystem>

#include "core/base/bytes.h"
#include "core/base/clock.h"
#include "core/base/crc32c.h"
#include "core/base/file.h"
#include "core/base/status.h"
#include "core/base/thread.h"
#include "tests/catch.h"

namespace narthex {
namespace {

TEST_CASE("an error keeps its code when annotated") {
  Status status = Annotate(NotFound("no {}", "file"), "load");
  CHECK(status.code() == StatusCode::kNotFound);
  CHECK(MessageOf(status) == "load: no file");
  CHECK(Annotate(OkStatus(), "load").ok());
}

TEST_CASE("varints and fixed integers survive a round trip") {
  std::string buffer;
  ByteWriter out(&buffer);
  const uint64_t values[] = {0, 1, 127, 128, 300, UINT64_MAX};
  for (uint64_t v : values) out.Uvarint(v);
  const int64_t signed_values[] = {0, -1, 1, INT64_MIN, INT64_MAX};
  for (int64_t v : signed_values) out.Varint(v);
  out.Be32(0x01020304);
  out.Le64(7);
  out.UvarintString("abc");
  ByteReader in(buffer);
  for (uint64_t v : values) CHECK(in.Uvarint() == v);
  for (int64_t v : signed_values) CHECK(in.Varint() == v);
  CHECK(in.Be32() == 0x01020304);
  CHECK(in.Le64() == 7);
  CHECK(in.UvarintString() == "abc");
  CHECK(in.ok());
  CHECK(in.empty());
}

TEST_CASE("a reader passes over numbers of any length") {
  std::string buffer;
  ByteWriter out(&buffer);
  for (uint64_t i = 0; i < 100; ++i) out.Uvarint(i * i * i * i * i * i * i);
  for (size_t skipped = 0; skipped <= 100; ++skipped) {
    ByteReader in(buffer), by_one(buffer);
    in.SkipUvarints(skipped);
    for (size_t i = 0; i < skipped; ++i) by_one.Uvarint();
    CHECK(in.ok());
    CHECK(in.remaining() == by_one.remaining());
  }
  ByteReader in(buffer);
  in.SkipUvarints(101);
  CHECK_FALSE(in.ok());
  CHECK(in.empty());
}

TEST_CASE("a reader that runs out stays failed") {
  ByteReader in(std::string_view("\xff\xff", 2));
  CHECK(in.Uvarint() == 0);
  CHECK_FALSE(in.ok());
  CHECK(in.U8() == 0);
  ByteReader overlong(std::string_view("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 10));
  CHECK(overlong.Uvarint() == 0);
  CHECK_FALSE(overlong.ok());
}

TEST_CASE("CRC-32C of the check string of RFC 3720") {
  CHECK(Crc32c("123456789") == 0xe3069283u);
  CHECK(Crc32c("6789", Crc32c("12345")) == 0xe3069283u);
}

TEST_CASE("atomic write replaces the file and leaves nothing behind") {
  auto dir = std::filesystem::temp_directory_path() / "narthex_base_test";
  std::filesystem::remove_all(dir);
  REQUIRE(CreateDirectories(dir.string()).ok());
  std::string path = (dir / "f").string();
  REQUIRE(WriteFileAtomically(path, "one").ok());
  REQUIRE(WriteFileAtomically(path, "two").ok());
  CHECK(ReadFile(path).value() == "two");
  CHECK(ListDirectory(dir.string()).value() == std::vector<std::string>{"f"});
  CHECK(ReadFile(path, 2).status().code() == StatusCode::kOutOfRange);
  CHECK(ReadFile((dir / "none").string()).status().code() == StatusCode::kNotFound);
  std::filesystem::remove_all(dir);
}

TEST_CASE("relative paths join, absolute and empty ones stay") {
  CHECK(JoinPath("/etc/p", "rules/*.yml") == "/etc/p/rules/*.yml");
  CHECK(JoinPath("/etc/p", "/x") == "/x");
  CHECK(JoinPath("/etc/p", "").empty());
}

TEST_CASE("a run group stops in reverse what it started") {
  std::string trace;
  auto part = [&](char name, bool fails) {
    return std::pair{[&trace, name, fails] {
                       trace += name;
                       return fails ? Unavailable("port taken") : OkStatus();
                     },
                     [&trace, name] { trace += static_cast<char>(name - 'a' + 'A'); }};
  };
  RunGroup group;
  auto [start_a, stop_a] = part('a', false);
  auto [start_b, stop_b] = part('b', false);
  auto [start_c, stop_c] = part('c', true);
  group.Add("a", start_a, stop_a);
  group.Add("b", start_b, stop_b);
  group.Add("c", start_c, stop_c);
  CHECK(MessageOf(group.Start()) == "c: port taken");
  CHECK(trace == "abcBA");
}

}  // namespace
}  // namespace narthex
