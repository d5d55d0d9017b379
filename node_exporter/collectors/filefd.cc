// /proc/sys/fs/file-nr: allocated, free (always 0), maximum.

#include "node_exporter/collectors/plugins.h"
#include "node_exporter/parse.h"

namespace narthex::node {
namespace {

class FilefdCollector final : public Collector {
 public:
  explicit FilefdCollector(const Paths& paths) : path_(paths.Proc("sys/fs/file-nr")) {}

  Status Update(Sink& sink) override {
    auto text = ReadKernelFile(path_);
    if (!text.ok()) return Annotate(text.status(), "couldn't get file-nr");
    const auto words = Words(*text);
    const auto allocated = words.size() < 3 ? std::nullopt : Number(words[0]);
    const auto maximum = words.size() < 3 ? std::nullopt : Number(words[2]);
    if (!allocated || !maximum) {
      return DataLoss("couldn't get file-nr: unexpected content in {}", path_);
    }
    sink.Gauge("node_filefd_allocated", "File descriptor statistics: allocated.", *allocated);
    sink.Gauge("node_filefd_maximum", "File descriptor statistics: maximum.", *maximum);
    return OkStatus();
  }

 private:
  const std::string path_;
};

}  // namespace

std::unique_ptr<Plugin> MakeFilefdPlugin() {
  return std::make_unique<SimplePlugin<FilefdCollector>>();
}

}  // namespace narthex::node
