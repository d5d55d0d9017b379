#pragma once
// Stands for the storage while it is being opened, so that its writers can be made before it.
//
// Thread safety: Set happens before every other call, which the caller sees to.

#include "core/base/check.h"
#include "server/storage/interface.h"

namespace narthex::prometheus {

class LateStorage final : public storage::Appendable {
 public:
  void Set(storage::Appendable* storage) { storage_ = storage; }
  std::unique_ptr<storage::GroupWriter> NewGroup() override {
    NX_CHECK(storage_ != nullptr);
    return storage_->NewGroup();
  }
  std::unique_ptr<storage::Appender> NewAppender() override {
    NX_CHECK(storage_ != nullptr);
    return storage_->NewAppender();
  }

 private:
  storage::Appendable* storage_ = nullptr;
};

}  // namespace narthex::prometheus
