#pragma once
// A key-value store in a directory that goes away with it.

#include <memory>

#include "core/kv/store.h"
#include "tests/temp_dir.h"

namespace narthex::am {

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
