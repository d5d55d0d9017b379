#include <atomic>
#include <latch>

#include "node_exporter/collectors/statfs_pool.h"
#include "node_exporter/testing.h"

namespace narthex::node {
namespace {

TEST_CASE("filesystem: mounts, filters, errors, mounts over mounts") {
  const std::string text = Collect("filesystem");
  const auto line = [&](const std::string& rest) {
    return Contains(text, "node_filesystem_" + rest);
  };
  CHECK(
      line("device_error{device=\"/dev/nvme0n1p2\",device_error=\"\",fstype=\"ext4\",mountpoint=\"/"
           "\"} 0\n"));
  CHECK(line(
      "readonly{device=\"/dev/sda1\",device_error=\"\",fstype=\"xfs\",mountpoint=\"/data\"} 1\n"));
  CHECK(
      line("device_error{device=\"server:/export\",device_error=\"no such file or "
           "directory\",fstype=\"nfs4\",mountpoint=\"/gone away\tx\"} 1\n"));
  CHECK(line("mount_info{device=\"/dev/sda1\",major=\"8\",minor=\"1\",mountpoint=\"/data\"} 1\n"));
  CHECK(line("mount_info{device=\"/dev/sda1\",major=\"8\",minor=\"2\",mountpoint=\"/data\"} 1\n"));
  CHECK(
      line("purgeable_bytes{device=\"/dev/sda1\",device_error=\"\",fstype=\"xfs\",mountpoint=\"/"
           "data\"} 0\n"));
  CHECK_FALSE(Contains(text, "credentials"));
  CHECK_FALSE(Contains(text, "docker"));
  CHECK_FALSE(Contains(text, "proc"));
  CHECK_FALSE(Contains(text, "size_bytes{device=\"server"));

  // An inclusion replaces the default exclusion.
  const std::string included =
      Collect("filesystem", {"--collector.filesystem.mount-points-include=^/run/credentials",
                             "--collector.filesystem.fs-types-include=ramfs"});
  CHECK(Contains(included, "mountpoint=\"/run/credentials/a.service\""));
  CHECK_FALSE(Contains(included, "mountpoint=\"/\""));
}

TEST_CASE("rootfs is stripped from labels only where it is a path prefix") {
  const Paths paths{.rootfs = "/host"};
  CHECK(paths.StripRoot("/host") == "/");
  CHECK(paths.StripRoot("/host/var") == "/var");
  CHECK(paths.StripRoot("/hostile") == "/hostile");
  CHECK(Paths{}.StripRoot("/var") == "/var");
}

TEST_CASE("a mount that hangs is left alone until it comes back") {
  std::latch release(1);
  std::atomic<int> calls{0};
  std::atomic<bool> hang{true};
  StatfsPool pool(2, std::chrono::milliseconds(20),
                  [&](const std::string& path, struct statfs* out) {
                    ++calls;
                    if (path == "/dead" && hang) release.wait();
                    out->f_blocks = 7;
                    return path == "/error" ? ENOENT : 0;
                  });
  auto results = pool.Run({"/dead", "/ok", "/error"});
  REQUIRE(results.size() == 3);
  CHECK(results[0].timed_out);
  CHECK_FALSE(results[1].timed_out);
  CHECK(results[1].stats.f_blocks == 7);
  CHECK(results[2].error == ENOENT);
  const int before = calls;
  for (int i = 0; i < 5; ++i) {
    results = pool.Run({"/dead", "/ok", "/ok2", "/ok3"});
    CHECK(results[0].timed_out);
    CHECK(results[3].stats.f_blocks == 7);
  }
  CHECK(calls == before + 15);  // /dead was not called again
  hang = false;
  release.count_down();
  do {
    results = pool.Run({"/dead"});
  } while (results[0].timed_out);
  CHECK(results[0].stats.f_blocks == 7);
}

}  // namespace
}  // namespace narthex::node
