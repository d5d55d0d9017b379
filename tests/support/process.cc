#include "tests/support/process.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <thread>

#include "core/base/check.h"
#include "core/base/file.h"

namespace narthex::testing {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

ChildProcess::ChildProcess(std::vector<std::string> argv, std::string log_path,
                           const std::string& working_dir)
    : log_path_(std::move(log_path)) {
  std::vector<char*> arguments;
  arguments.reserve(argv.size() + 1);
  for (std::string& argument : argv) arguments.push_back(argument.data());
  arguments.push_back(nullptr);
  pid_ = ::fork();
  NX_CHECK(pid_ >= 0);
  if (pid_ > 0) return;
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  const int log = ::open(log_path_.c_str(), O_CREAT | O_APPEND | O_WRONLY, 0644);
  const int null = ::open("/dev/null", O_RDONLY);
  ::dup2(null, 0);
  ::dup2(log, 1);
  ::dup2(log, 2);
  if (!working_dir.empty() && ::chdir(working_dir.c_str()) != 0) ::_exit(126);
  ::execv(arguments[0], arguments.data());
  std::perror(arguments[0]);
  ::_exit(127);
}

ChildProcess::ChildProcess(ChildProcess&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      exit_code_(other.exit_code_),
      log_path_(std::move(other.log_path_)) {}

ChildProcess::~ChildProcess() {
  if (pid_ <= 0 || exit_code_) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

void ChildProcess::Signal(int signal) const { ::kill(pid_, signal); }

std::optional<int> ChildProcess::Wait(milliseconds timeout) {
  const auto deadline = steady_clock::now() + timeout;
  while (!exit_code_) {
    int status = 0;
    if (::waitpid(pid_, &status, WNOHANG) == pid_) {
      exit_code_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    } else if (steady_clock::now() >= deadline) {
      return std::nullopt;
    } else {
      std::this_thread::sleep_for(milliseconds(10));
    }
  }
  return exit_code_;
}

std::string ChildProcess::output() const { return ReadFile(log_path_).value_or(""); }

int64_t ChildProcess::rss_bytes() const {
  const std::string statm = ReadFile("/proc/" + std::to_string(pid_) + "/statm").value_or("");
  long total = 0, resident = 0;
  if (std::sscanf(statm.c_str(), "%ld %ld", &total, &resident) != 2) return 0;
  return static_cast<int64_t>(resident) * ::sysconf(_SC_PAGESIZE);
}

std::string Binary(const std::string& name) { return std::string(NARTHEX_BIN_DIR) + "/" + name; }

int FreePort() {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  NX_CHECK(::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  socklen_t length = sizeof address;
  NX_CHECK(::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length) == 0);
  ::close(fd);
  return ntohs(address.sin_port);
}

std::string ScratchDir(const std::string& name) {
  const auto path = std::filesystem::path(NARTHEX_BUILD_DIR) / "scratch" / name;
  std::filesystem::remove_all(path);
  std::filesystem::create_directories(path);
  return path.string();
}

bool Eventually(milliseconds timeout, const std::function<bool()>& condition) {
  const auto deadline = steady_clock::now() + timeout;
  while (!condition()) {
    if (steady_clock::now() >= deadline) return false;
    std::this_thread::sleep_for(milliseconds(50));
  }
  return true;
}

RunResult RunToEnd(std::vector<std::string> argv, milliseconds timeout) {
  static int serial = 0;
  const std::string log = fmt::format(
      "{}/run-{}-{}.log", std::filesystem::temp_directory_path().string(), ::getpid(), ++serial);
  RunResult result;
  {
    ChildProcess child(std::move(argv), log);
    result.exit_code = child.Wait(timeout).value_or(-1);
    result.output = child.output();
  }
  std::filesystem::remove(log);
  return result;
}

}  // namespace narthex::testing
