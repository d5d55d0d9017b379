#pragma once
// A key-value store in a directory that goes away with it.

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>

#include "core/kv/store.h"

namespace narthex::am {

class TempDir {
 public:
  TempDir() {
    std::string pattern = (std::filesystem::temp_directory_path() / "am-test-XXXXXX").string();
    path_ = mkdtemp(pattern.data());
  }
  ~TempDir() { std::filesystem::remove_all(path_); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

class TempStore {
 public:
  TempStore() { Reopen(); }
  KvStore* get() { return store_.get(); }
  void Reopen() {
    store_.reset();
    store_ = KvStore::Open(dir_.path() + "/kv", 1).value();
  }

 private:
  TempDir dir_;
  std::unique_ptr<KvStore> store_;
};

}  // namespace narthex::am
