#pragma once
// What a collector is: it reads one corner of the machine and adds metric families. A Plugin
// declares a collector's flags and makes it once the flags are known.
//
// Thread safety: Update of one collector may run from several scrapes at once; a collector that
// keeps state between scrapes guards it.

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/clock.h"
#include "core/base/status.h"
#include "core/flags/flags.h"
#include "core/metrics/registry.h"

namespace narthex::node {

// Where the kernel's file systems are, as --path.* says.
struct Paths {
  std::string procfs = "/proc";
  std::string sysfs = "/sys";
  std::string rootfs = "/";
  std::string udev_data = "/run/udev/data";

  std::string Proc(std::string_view name) const;
  std::string Sys(std::string_view name) const;
  std::string Root(std::string_view name) const;
  // The label of a mount point: the path without the rootfs prefix.
  std::string StripRoot(std::string_view path) const;
};

// The families a collector adds. A family is looked up by the pointer Add gave, samples are
// appended.
class Sink {
 public:
  MetricFamily& Add(MetricType type, std::string name, std::string help);
  // A family of one sample.
  void Gauge(std::string name, std::string help, double value,
             std::vector<MetricLabel> labels = {});
  void Counter(std::string name, std::string help, double value,
               std::vector<MetricLabel> labels = {});
  void Untyped(std::string name, std::string help, double value);

  std::vector<MetricFamily> Take();

 private:
  // Families keep their address while a collector holds on to them.
  std::vector<std::unique_ptr<MetricFamily>> families_;
};

// Appends a sample; labels are sorted here and made valid UTF-8.
void AddSample(MetricFamily& family, double value, std::vector<MetricLabel> labels = {});

class Collector {
 public:
  virtual ~Collector() = default;
  // What was added before an error stays.
  virtual Status Update(Sink& sink) = 0;
};

// The outcome of a collector that has nothing to look at on this machine: not a success, but not
// worth more than a debug line either.
Status NoData(std::string_view why);
bool IsNoData(const Status& status);

class Plugin {
 public:
  virtual ~Plugin() = default;
  virtual void AddFlags(FlagSet& flags) {}
  // `flags` are parsed. An error stops the process.
  virtual StatusOr<std::unique_ptr<Collector>> Create(const Paths& paths, const FlagSet& flags) = 0;
};

// A plugin without flags whose collector takes the paths.
template <typename T>
class SimplePlugin final : public Plugin {
 public:
  StatusOr<std::unique_ptr<Collector>> Create(const Paths& paths, const FlagSet&) override {
    return std::make_unique<T>(paths);
  }
};

}  // namespace narthex::node
