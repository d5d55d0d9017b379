#pragma once
// The servers that are measured: ours, Prometheus, VictoriaMetrics. Each runs as a process of its
// own with an empty data directory and scrapes what it is told.

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "tests/support/process.h"

namespace narthex::bench {

enum class Kind { kOurs, kPrometheus, kVictoria };

struct Program {
  Kind kind;
  std::string binary;
  std::vector<std::string> flags = {};  // beyond those that every server gets

  std::string name() const {
    return kind == Kind::kOurs ? "narthex" : kind == Kind::kPrometheus ? "prometheus" : "victoria";
  }
};

class Server {
 public:
  // `config` is the text of a Prometheus configuration file. The process is started.
  Server(const Program& program, const std::string& scratch, const std::string& config);

  const std::string& name() const { return name_; }
  // The value of an instant query; 0 when there is none.
  double Number(const std::string& expression) const;
  double cpu_seconds() const;  // by the clock of the process, which is exact
  double rss_bytes() const { return static_cast<double>(process_->rss_bytes()); }
  // A field of /proc/<pid>/status in bytes: RssAnon, RssFile, VmHWM.
  double memory_field(const std::string& field) const;
  double threads() const;
  int pid() const { return process_->pid(); }
  std::string url() const;   // http://host:port
  double wal_bytes() const;  // 0 for who has none

  void Kill();                             // SIGKILL, and waits
  void Stop();                             // SIGTERM, and waits
  void Reload(const std::string& config);  // in place of the configuration it has
  void Start();                            // the same command on the same directory
  // Seconds from now until it says that it is ready; polls every few milliseconds.
  double WaitReady(std::chrono::seconds limit) const;

 private:
  std::string name_, dir_;
  int port_;
  std::vector<std::string> argv_;
  std::string ready_path_;
  std::unique_ptr<testing::ChildProcess> process_;
};

}  // namespace narthex::bench
