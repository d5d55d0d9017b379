// /proc/meminfo: a fixed list of fields. Fields of newer kernels are not shown until they are
// listed.

#include <algorithm>
#include <array>

#include "node_exporter/collectors/plugins.h"
#include "node_exporter/parse.h"

namespace narthex::node {
namespace {

// Name in the file → part of the metric name; values in kB become bytes, the others are counts.
struct Field {
  std::string_view name;
  std::string_view metric;
};
constexpr auto kFields = std::to_array<Field>({
    {"Active", "Active_bytes"},
    {"Active(anon)", "Active_anon_bytes"},
    {"Active(file)", "Active_file_bytes"},
    {"AnonHugePages", "AnonHugePages_bytes"},
    {"AnonPages", "AnonPages_bytes"},
    {"Bounce", "Bounce_bytes"},
    {"Buffers", "Buffers_bytes"},
    {"Cached", "Cached_bytes"},
    {"CmaFree", "CmaFree_bytes"},
    {"CmaTotal", "CmaTotal_bytes"},
    {"CommitLimit", "CommitLimit_bytes"},
    {"Committed_AS", "Committed_AS_bytes"},
    {"DirectMap1G", "DirectMap1G_bytes"},
    {"DirectMap2M", "DirectMap2M_bytes"},
    {"DirectMap4k", "DirectMap4k_bytes"},
    {"Dirty", "Dirty_bytes"},
    {"HardwareCorrupted", "HardwareCorrupted_bytes"},
    {"HugePages_Free", "HugePages_Free"},
    {"HugePages_Rsvd", "HugePages_Rsvd"},
    {"HugePages_Surp", "HugePages_Surp"},
    {"HugePages_Total", "HugePages_Total"},
    {"Hugepagesize", "Hugepagesize_bytes"},
    {"Inactive", "Inactive_bytes"},
    {"Inactive(anon)", "Inactive_anon_bytes"},
    {"Inactive(file)", "Inactive_file_bytes"},
    {"KernelStack", "KernelStack_bytes"},
    {"Mapped", "Mapped_bytes"},
    {"MemAvailable", "MemAvailable_bytes"},
    {"MemFree", "MemFree_bytes"},
    {"MemTotal", "MemTotal_bytes"},
    {"Mlocked", "Mlocked_bytes"},
    {"NFS_Unstable", "NFS_Unstable_bytes"},
    {"PageTables", "PageTables_bytes"},
    {"Percpu", "Percpu_bytes"},
    {"SReclaimable", "SReclaimable_bytes"},
    {"SUnreclaim", "SUnreclaim_bytes"},
    {"Shmem", "Shmem_bytes"},
    {"ShmemHugePages", "ShmemHugePages_bytes"},
    {"ShmemPmdMapped", "ShmemPmdMapped_bytes"},
    {"Slab", "Slab_bytes"},
    {"SwapCached", "SwapCached_bytes"},
    {"SwapFree", "SwapFree_bytes"},
    {"SwapTotal", "SwapTotal_bytes"},
    {"Unevictable", "Unevictable_bytes"},
    {"VmallocChunk", "VmallocChunk_bytes"},
    {"VmallocTotal", "VmallocTotal_bytes"},
    {"VmallocUsed", "VmallocUsed_bytes"},
    {"Writeback", "Writeback_bytes"},
    {"WritebackTmp", "WritebackTmp_bytes"},
    {"Zswap", "Zswap_bytes"},
    {"Zswapped", "Zswapped_bytes"},
});
static_assert(std::ranges::is_sorted(kFields, {}, &Field::name));

class MeminfoCollector final : public Collector {
 public:
  explicit MeminfoCollector(const Paths& paths) : path_(paths.Proc("meminfo")) {}

  Status Update(Sink& sink) override {
    auto text = ReadKernelFile(path_);
    if (!text.ok()) return Annotate(text.status(), "couldn't get meminfo");
    Status status;
    ForEachLine(*text, [&](std::string_view line) {
      status = Line(line, sink);
      return status.ok();
    });
    return status;
  }

 private:
  static Status Line(std::string_view line, Sink& sink) {
    const size_t colon = line.find(':');
    if (colon == std::string_view::npos) return OkStatus();
    const std::string_view name = line.substr(0, colon);
    const auto* field = std::ranges::lower_bound(kFields, name, {}, &Field::name);
    if (field == kFields.end() || field->name != name) return OkStatus();
    const auto words = Words(line.substr(colon + 1));
    const auto value = words.empty() ? std::nullopt : Number(words[0]);
    if (!value) return DataLoss("couldn't get meminfo: invalid line: {}", line);
    const bool kilobytes = words.size() == 2 && words[1] == "kB";
    sink.Gauge(fmt::format("node_memory_{}", field->metric),
               fmt::format("Memory information field {}.", field->metric),
               kilobytes ? *value * 1024 : *value);
    return OkStatus();
  }

  const std::string path_;
};

}  // namespace

std::unique_ptr<Plugin> MakeMeminfoPlugin() {
  return std::make_unique<SimplePlugin<MeminfoCollector>>();
}

}  // namespace narthex::node
