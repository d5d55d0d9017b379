#include "core/base/resident_pages.h"

#include <fmt/format.h>

#include <atomic>
#include <thread>

#include "core/base/file.h"
#include "core/base/mapped_file.h"
#include "tests/catch.h"
#include "tests/temp_dir.h"

namespace narthex {
namespace {

constexpr size_t kSize = 24 << 20;
constexpr size_t kStep = 4096;

// How much of the mapping is in this process; mincore() tells of the page cache.
size_t ResidentBytes(const char* data) {
  const auto smaps = ReadFile("/proc/self/smaps");
  REQUIRE(smaps.ok());
  const size_t at = smaps->find(fmt::format("{:x}-", reinterpret_cast<uintptr_t>(data)));
  REQUIRE(at != std::string::npos);
  const size_t rss = smaps->find("Rss:", at);
  return std::stoul(smaps->substr(rss + 4)) * 1024;
}

}  // namespace

TEST_CASE("what readers have touched stays within the limit") {
  const TempDir dir;
  std::string content(kSize, 'x');
  for (size_t i = 0; i < kSize; i += kStep) content[i] = static_cast<char>('a' + i / kStep % 26);
  const std::string path = dir.Write("file", content);
  const auto file = MappedFile::Open(path);
  REQUIRE(file.ok());
  const char* const data = file->data().data();

  ResidentPages pages(1 << 20);
  ResidentPages::Mapping mapping(&pages, data, kSize);
  const auto read = [&](size_t from, size_t to) {
    for (size_t i = from; i < to; i += kStep) {
      mapping.Touch(i);
      if (data[i] != content[i]) return false;
    }
    return true;
  };
  size_t most = 0;
  for (size_t from = 0; from < kSize; from += kSize / 48) {
    REQUIRE(read(from, from + kSize / 48));
    most = std::max(most, ResidentBytes(data));
  }
  CHECK(most > 0);
  // A kernel may bring in more at once than is asked for, up to 2 MiB.
  CHECK(most <= 6 << 20);
  pages.Drop();
  CHECK(ResidentBytes(data) <= 128 << 10);

  SECTION("by several threads, which always see what is in the file") {
    std::vector<std::thread> threads;
    std::atomic<bool> same = true;
    for (size_t t = 0; t < 4; ++t) {
      threads.emplace_back([&, t] {
        for (int round = 0; round < 5; ++round) {
          if (!read(t * kStep, kSize) || !read(0, kSize / 2)) same = false;
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    CHECK(same);
    pages.Drop();
    CHECK(ResidentBytes(data) <= 512 << 10);
  }
  SECTION("another mapping's pages count, too") {
    const auto other = MappedFile::Open(path);
    REQUIRE(other.ok());
    ResidentPages::Mapping mapping_of_other(&pages, other->data().data(), kSize);
    REQUIRE(read(0, 256 << 10));
    for (size_t i = 0; i < kSize; i += kStep) {
      mapping_of_other.Touch(i);
      REQUIRE(other->data()[i] == content[i]);
    }
    CHECK(ResidentBytes(data) <= 128 << 10);
  }
}

}  // namespace narthex
