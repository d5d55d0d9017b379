// /proc/loadavg.

#include "node_exporter/collectors/plugins.h"
#include "node_exporter/parse.h"

namespace narthex::node {
namespace {

class LoadavgCollector final : public Collector {
 public:
  explicit LoadavgCollector(const Paths& paths) : path_(paths.Proc("loadavg")) {}

  Status Update(Sink& sink) override {
    auto text = ReadKernelFile(path_);
    if (!text.ok()) return Annotate(text.status(), "couldn't get load");
    const auto words = Words(*text);
    if (words.size() < 3) return DataLoss("couldn't get load: unexpected content in {}", path_);
    constexpr std::string_view kSpans[] = {"1", "5", "15"};
    for (size_t i = 0; i < 3; ++i) {
      const auto load = Number(words[i]);
      if (!load) return DataLoss("couldn't get load: could not parse load '{}'", words[i]);
      sink.Gauge(fmt::format("node_load{}", kSpans[i]), fmt::format("{}m load average.", kSpans[i]),
                 *load);
    }
    return OkStatus();
  }

 private:
  const std::string path_;
};

}  // namespace

std::unique_ptr<Plugin> MakeLoadavgPlugin() {
  return std::make_unique<SimplePlugin<LoadavgCollector>>();
}

}  // namespace narthex::node
