#pragma once
// The whole suite on free ports: the real executables with a real configuration in a scratch
// folder. Started by Start(), killed by the destructor.

#include <map>
#include <optional>
#include <string>

#include "tests/support/process.h"

namespace narthex::testing {

class Suite {
 public:
  explicit Suite(const std::string& scratch_name);

  void StartAll();
  void StartServer();
  void StartNodeExporter();
  ChildProcess& process(const std::string& name) { return processes_.at(name); }
  void Kill(const std::string& name, int signal);

  std::string url(const std::string& name) const;  // http://127.0.0.1:<port>
  const std::string& dir() const { return dir_; }

  // The value of the only sample of an instant query; nullopt when there is not exactly one.
  std::optional<double> Query(const std::string& expression) const;
  // The body of an API call of the server: path with its query string.
  std::string Api(const std::string& path_and_query) const;
  // What the webhook received so far, one JSON document a line.
  std::string webhooks() const;
  // All logs, for a failing test to print.
  std::string logs();

 private:
  void Start(const std::string& name, std::vector<std::string> arguments);
  void WriteConfigs() const;

  std::string dir_;
  std::map<std::string, int> ports_;
  std::map<std::string, ChildProcess> processes_;
};

}  // namespace narthex::testing
