#pragma once
// Child processes of integration tests. A child is killed when its object goes, and dies with the
// test (PR_SET_PDEATHSIG); its output goes to a file that a failing test can print.

#include <sys/types.h>

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace narthex::testing {

class ChildProcess {
 public:
  // argv[0] is a path. Aborts the test program when the fork fails.
  ChildProcess(std::vector<std::string> argv, std::string log_path,
               const std::string& working_dir = "");
  ~ChildProcess();
  ChildProcess(ChildProcess&& other) noexcept;
  ChildProcess& operator=(ChildProcess&&) = delete;

  pid_t pid() const { return pid_; }
  void Signal(int signal) const;
  // The exit code, 128+n after signal n; nullopt when it still runs after the time-out.
  std::optional<int> Wait(std::chrono::milliseconds timeout);
  bool running() { return !Wait(std::chrono::milliseconds(0)).has_value(); }
  std::string output() const;  // stdout and stderr so far
  int64_t rss_bytes() const;

 private:
  pid_t pid_ = -1;
  std::optional<int> exit_code_;
  std::string log_path_;
};

// The path of one of our executables.
std::string Binary(const std::string& name);
// A port nobody listens on right now.
int FreePort();
// A fresh empty directory below the build folder, removed first when it exists.
std::string ScratchDir(const std::string& name);
// Polls until the condition holds; false after the time-out.
bool Eventually(std::chrono::milliseconds timeout, const std::function<bool()>& condition);
// Runs to completion and returns exit code and combined output; kills after the time-out (code -1).
struct RunResult {
  int exit_code = -1;
  std::string output;
};
RunResult RunToEnd(std::vector<std::string> argv,
                   std::chrono::milliseconds timeout = std::chrono::seconds(30));

}  // namespace narthex::testing
