#pragma once
// A directory of a test, which goes with it.

#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>

#include "core/base/file.h"
#include "tests/catch.h"

namespace narthex {

class TempDir {
 public:
  TempDir() {
    std::string pattern = std::filesystem::temp_directory_path() / "narthex-test-XXXXXX";
    REQUIRE(::mkdtemp(pattern.data()) != nullptr);
    path_ = std::move(pattern);
  }
  ~TempDir() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;

  const std::string& path() const { return path_; }
  // By an atomic rename; directories on the way are made. The file's path.
  std::string Write(const std::string& name, std::string_view text) const {
    const std::filesystem::path file = std::filesystem::path(path_) / name;
    std::filesystem::create_directories(file.parent_path());
    REQUIRE(WriteFileAtomically(file, text).ok());
    return file;
  }

 private:
  std::string path_;
};

}  // namespace narthex
