#include "core/base/memory_budget.h"

#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "tests/catch.h"

namespace narthex {
namespace {

namespace fs = std::filesystem;

class Tree {
 public:
  Tree() : root_(fs::temp_directory_path() / ("memory-budget-" + std::to_string(::getpid()))) {
    fs::remove_all(root_);
  }
  ~Tree() { fs::remove_all(root_); }
  void Write(const std::string& path, const std::string& text) const {
    fs::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path) << text;
  }
  uint64_t Limit() const {
    return CgroupMemoryLimit((root_ / "cgroup").string(), (root_ / "fs").string());
  }

 private:
  fs::path root_;
};

TEST_CASE("The limit of a version 2 cgroup is the lowest on the way up") {
  const Tree tree;
  CHECK(tree.Limit() == 0);
  tree.Write("cgroup", "0::/pod/box\n");
  CHECK(tree.Limit() == 0);
  tree.Write("fs/pod/box/memory.max", "max\n");
  CHECK(tree.Limit() == 0);
  tree.Write("fs/pod/box/memory.max", "2000000\n");
  CHECK(tree.Limit() == 2000000);
  tree.Write("fs/pod/memory.max", "1000000\n");
  CHECK(tree.Limit() == 1000000);
  // In a container the own group is the root of what is mounted.
  tree.Write("cgroup", "0::/\n");
  tree.Write("fs/memory.max", "300000\n");
  CHECK(tree.Limit() == 300000);
}

TEST_CASE("The limit of a version 1 cgroup") {
  const Tree tree;
  tree.Write("cgroup", "5:cpu,cpuacct:/x\n4:hugetlb,memory:/box\nnonsense\n");
  tree.Write("fs/memory/memory.limit_in_bytes", "9223372036854771712\n");
  CHECK(tree.Limit() == 0);
  tree.Write("fs/memory/box/memory.limit_in_bytes", "4096000\n");
  CHECK(tree.Limit() == 4096000);
}

TEST_CASE("A budget is exhausted when usage reaches it") {
  MemoryBudget none(0, [] { return uint64_t{1} << 50; });
  CHECK_FALSE(none.Exhausted());
  MemoryBudget full(100, [] { return uint64_t{100}; });
  CHECK(full.Exhausted());
  MemoryBudget room(100, [] { return uint64_t{99}; });
  CHECK_FALSE(room.Exhausted());
  int asked = 0;
  MemoryBudget counting(100, [&] { return static_cast<uint64_t>(++asked); });
  for (int i = 0; i < 100000; ++i) counting.Exhausted();
  CHECK(asked < 100);
  CHECK(AnonymousMemory() > 0);
}

}  // namespace
}  // namespace narthex
