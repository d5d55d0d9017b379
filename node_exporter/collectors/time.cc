// The wall clock, the time zone, and the clock sources of sysfs.

#include <ctime>

#include "core/base/file.h"
#include "node_exporter/collectors/plugins.h"
#include "node_exporter/parse.h"

namespace narthex::node {
namespace {

class TimeCollector final : public Collector {
 public:
  explicit TimeCollector(const Paths& paths)
      : clock_(Clock::System()), sources_(paths.Sys("devices/system/clocksource")) {}

  Status Update(Sink& sink) override {
    sink.Gauge("node_time_seconds", "System time in seconds since epoch (1970).",
               clock_.NowSeconds());
    const time_t now = clock_.NowMs() / 1000;
    tm local{};
    localtime_r(&now, &local);
    sink.Gauge("node_time_zone_offset_seconds", "System time zone offset in seconds.",
               static_cast<double>(local.tm_gmtoff), {{"time_zone", local.tm_zone}});
    return ClockSources(sink);
  }

 private:
  Status ClockSources(Sink& sink) const {
    auto names = ListDirectory(sources_);
    if (!names.ok()) return OkStatus();  // a kernel without them
    MetricFamily& available =
        sink.Add(MetricType::kGauge, "node_time_clocksource_available_info",
                 "Available clocksources read from '/sys/devices/system/clocksource'.");
    MetricFamily& current =
        sink.Add(MetricType::kGauge, "node_time_clocksource_current_info",
                 "Current clocksource read from '/sys/devices/system/clocksource'.");
    constexpr std::string_view kPrefix = "clocksource";
    for (const std::string& name : *names) {
      if (!name.starts_with(kPrefix)) continue;
      const std::string device = name.substr(kPrefix.size());
      const std::string dir = fmt::format("{}/{}", sources_, name);
      NX_ASSIGN_OR_RETURN(std::string all, ReadKernelFile(dir + "/available_clocksource"));
      NX_ASSIGN_OR_RETURN(std::string now, ReadKernelFile(dir + "/current_clocksource"));
      for (std::string_view source : Words(all)) {
        AddSample(available, 1, {{"clocksource", std::string(source)}, {"device", device}});
      }
      for (std::string_view source : Words(now)) {
        AddSample(current, 1, {{"clocksource", std::string(source)}, {"device", device}});
      }
    }
    return OkStatus();
  }

  const Clock& clock_;
  const std::string sources_;
};

}  // namespace

std::unique_ptr<Plugin> MakeTimePlugin() { return std::make_unique<SimplePlugin<TimeCollector>>(); }

}  // namespace narthex::node
