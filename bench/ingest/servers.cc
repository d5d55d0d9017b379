#include "bench/ingest/servers.h"

#include <fmt/format.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <thread>

#include "core/base/file.h"
#include "tests/support/http.h"

namespace narthex::bench {

namespace fs = std::filesystem;

Server::Server(const Program& program, const std::string& scratch, const std::string& config)
    : name_(program.name()), dir_(testing::ScratchDir(scratch)), port_(testing::FreePort()) {
  const std::string file = dir_ + "/p.yml", data = dir_ + "/data";
  (void)WriteFileAtomically(file, config);
  if (program.kind == Kind::kVictoria) {
    argv_ = {program.binary, "-promscrape.config=" + file, "-storageDataPath=" + data,
             fmt::format("-httpListenAddr=127.0.0.1:{}", port_), "-search.latencyOffset=0s"};
    ready_path_ = "/health";
  } else {
    argv_ = {program.binary, "--config.file=" + file, "--storage.tsdb.path=" + data,
             fmt::format("--web.listen-address=127.0.0.1:{}", port_)};
    ready_path_ = "/-/ready";
  }
  argv_.insert(argv_.end(), program.flags.begin(), program.flags.end());
  Start();
}

std::string Server::url() const { return fmt::format("http://127.0.0.1:{}", port_); }

void Server::Start() { process_ = std::make_unique<testing::ChildProcess>(argv_, dir_ + "/log"); }

void Server::Kill() {
  process_->Signal(SIGKILL);
  (void)process_->Wait(std::chrono::seconds(30));
}

void Server::Stop() {
  process_->Signal(SIGTERM);
  (void)process_->Wait(std::chrono::seconds(120));
}

double Server::WaitReady(std::chrono::seconds limit) const {
  const auto start = std::chrono::steady_clock::now();
  const auto elapsed = [&] {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  };
  const std::string url = fmt::format("http://127.0.0.1:{}{}", port_, ready_path_);
  while (elapsed() < static_cast<double>(limit.count())) {
    if (testing::HttpGet(url).status == 200) return elapsed();
    std::this_thread::sleep_for(std::chrono::milliseconds(3));
  }
  return elapsed();
}

double Server::Number(const std::string& expression) const {
  const auto answer = testing::HttpGet(fmt::format("http://127.0.0.1:{}/api/v1/query?query={}",
                                                   port_, testing::UrlEscape(expression)));
  const size_t value = answer.body.find("\"value\":[");
  const size_t at = value == std::string::npos ? value : answer.body.find(",\"", value);
  return at == std::string::npos ? 0 : std::atof(answer.body.c_str() + at + 2);
}

double Server::cpu_seconds() const {
  clockid_t clock{};
  timespec time{};
  if (::clock_getcpuclockid(process_->pid(), &clock) != 0) return 0;
  if (::clock_gettime(clock, &time) != 0) return 0;
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

double Server::memory_field(const std::string& field) const {
  const std::string status =
      "\n" + ReadFile(fmt::format("/proc/{}/status", process_->pid())).value_or("");
  const size_t at = status.find("\n" + field + ":");
  return at == std::string::npos ? 0 : std::atof(status.c_str() + at + field.size() + 2) * 1024;
}

double Server::threads() const {
  const std::string status = ReadFile(fmt::format("/proc/{}/status", process_->pid())).value_or("");
  const size_t at = status.find("\nThreads:");
  return at == std::string::npos ? 0 : std::atof(status.c_str() + at + 9);
}

void Server::Reload(const std::string& config) {
  (void)WriteFileAtomically(dir_ + "/p.yml", config);
  process_->Signal(SIGHUP);
}

double Server::wal_bytes() const {
  double bytes = 0;
  std::error_code error;
  for (const auto& entry : fs::recursive_directory_iterator(dir_ + "/data", error)) {
    const bool ours = entry.path().filename().string().starts_with("wal-");
    const bool prometheus = entry.path().parent_path().filename() == "wal";
    if ((ours || prometheus) && entry.is_regular_file(error)) {
      bytes += static_cast<double>(entry.file_size(error));
    }
  }
  return bytes;
}

}  // namespace narthex::bench
