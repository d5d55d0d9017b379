#pragma once
// Looks once a second whether files have changed, appeared or gone. Follows links, so that the way
// Kubernetes replaces a ConfigMap is seen.
//
// Threads: one of its own, which calls `changed`; joined by the destructor.

#include <functional>
#include <string>
#include <vector>

#include "core/base/mutex.h"
#include "core/base/thread.h"

namespace narthex::ksm {

class FileWatcher {
 public:
  FileWatcher(std::vector<std::string> paths, std::function<void()> changed);
  ~FileWatcher();
  FileWatcher(const FileWatcher&) = delete;

 private:
  void Loop() EXCLUDES(mutex_);
  std::string Stamps() const;  // differs when a file differs

  const std::vector<std::string> paths_;
  const std::function<void()> changed_;
  const std::string first_stamps_;
  Mutex mutex_;
  CondVar wake_;
  bool stopping_ GUARDED_BY(mutex_) = false;
  NamedThread thread_;
};

}  // namespace narthex::ksm
