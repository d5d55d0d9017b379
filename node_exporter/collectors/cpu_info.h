#pragma once
// /proc/cpuinfo: identity and clock of each CPU, flags and bugs of the first one.
//
// Thread safety: Update may run concurrently.

#include <memory>
#include <string>

#include "core/labels/regex.h"
#include "node_exporter/collector.h"

namespace narthex::node {

class CpuInfo {
 public:
  struct Options {
    bool frequency = false;
    std::shared_ptr<const Regex> flags_include, bugs_include;  // unset: none are shown
  };
  CpuInfo(std::string path, Options options)
      : path_(std::move(path)), options_(std::move(options)) {}

  Status Update(Sink& sink) const;

 private:
  const std::string path_;
  const Options options_;
};

}  // namespace narthex::node
