#include "kube_state_metrics/serve/file_watcher.h"

#include <fmt/format.h>
#include <sys/stat.h>

namespace narthex::ksm {
namespace {

constexpr std::chrono::seconds kInterval{1};

}  // namespace

FileWatcher::FileWatcher(std::vector<std::string> paths, std::function<void()> changed)
    : paths_(std::move(paths)), changed_(std::move(changed)), first_stamps_(Stamps()) {
  if (!paths_.empty()) thread_ = NamedThread("config-files", [this] { Loop(); });
}

FileWatcher::~FileWatcher() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    wake_.NotifyAll();
  }
  thread_.Join();
}

std::string FileWatcher::Stamps() const {
  std::string stamps;
  for (const std::string& path : paths_) {
    struct stat s{};
    if (::stat(path.c_str(), &s) != 0) {
      stamps += "none;";
      continue;
    }
    stamps += fmt::format("{} {} {} {}.{};", s.st_dev, s.st_ino, s.st_size, s.st_mtim.tv_sec,
                          s.st_mtim.tv_nsec);
  }
  return stamps;
}

void FileWatcher::Loop() {
  std::string known = first_stamps_;
  MutexLock lock(mutex_);
  while (!stopping_) {
    lock.Unlock();
    std::string now = Stamps();
    if (now != known) {
      known = std::move(now);
      changed_();
    }
    lock.Lock();
    if (!stopping_) wake_.WaitFor(lock, kInterval);
  }
}

}  // namespace narthex::ksm
