// /proc/diskstats, with identities from udev and sysfs.

#include "core/base/file.h"
#include "core/log/log.h"
#include "node_exporter/collectors/plugins.h"
#include "node_exporter/collectors/udev.h"
#include "node_exporter/filter_flags.h"
#include "node_exporter/parse.h"

namespace narthex::node {
namespace {

constexpr double kSector = 512;  // of the kernel's interface, whatever the disk has
constexpr double kMillisecond = .001;

// The numbers of a row, in order. Kernels before 4.18 have 11, before 5.5 have 15.
struct Column {
  std::string_view name, help;
  double factor;
  MetricType type = MetricType::kCounter;
};
constexpr Column kColumns[] = {
    {"reads_completed_total", "The total number of reads completed successfully.", 1},
    {"reads_merged_total", "The total number of reads merged.", 1},
    {"read_bytes_total", "The total number of bytes read successfully.", kSector},
    {"read_time_seconds_total", "The total number of seconds spent by all reads.", kMillisecond},
    {"writes_completed_total", "The total number of writes completed successfully.", 1},
    {"writes_merged_total", "The number of writes merged.", 1},
    {"written_bytes_total", "The total number of bytes written successfully.", kSector},
    {"write_time_seconds_total", "This is the total number of seconds spent by all writes.",
     kMillisecond},
    {"io_now", "The number of I/Os currently in progress.", 1, MetricType::kGauge},
    {"io_time_seconds_total", "Total seconds spent doing I/Os.", kMillisecond},
    {"io_time_weighted_seconds_total", "The weighted # of seconds spent doing I/Os.", kMillisecond},
    {"discards_completed_total", "The total number of discards completed successfully.", 1},
    {"discards_merged_total", "The total number of discards merged.", 1},
    {"discarded_sectors_total", "The total number of sectors discarded successfully.", 1},
    {"discard_time_seconds_total", "This is the total number of seconds spent by all discards.",
     kMillisecond},
    {"flush_requests_total", "The total number of flush requests completed successfully", 1},
    {"flush_requests_time_seconds_total",
     "This is the total number of seconds spent by all flush requests.", kMillisecond},
};
constexpr size_t kLeastColumns = 11;

constexpr struct {
  std::string_view key, name, help;
} kAta[] = {
    {"ID_ATA_WRITE_CACHE", "node_disk_ata_write_cache", "ATA disk has a write cache."},
    {"ID_ATA_WRITE_CACHE_ENABLED", "node_disk_ata_write_cache_enabled",
     "ATA disk has its write cache enabled."},
    {"ID_ATA_ROTATION_RATE_RPM", "node_disk_ata_rotation_rate_rpm",
     "ATA disk rotation rate in RPMs (0 for SSDs)."},
};

class DiskstatsCollector final : public Collector {
 public:
  DiskstatsCollector(const Paths& paths, NameFilter filter)
      : path_(paths.Proc("diskstats")),
        block_(paths.Sys("block")),
        udev_(paths.udev_data),
        filter_(std::move(filter)) {
    if (auto listing = ListDirectory(udev_); !listing.ok()) {
      NX_LOG(Error, "Failed to open directory, disabling udev device properties",
             {"collector", "diskstats"}, {"path", udev_}, {"err", listing.status()});
      udev_.clear();
    }
  }

  Status Update(Sink& sink) override {
    auto text = ReadKernelFile(path_);
    if (!text.ok()) return Annotate(text.status(), "couldn't get diskstats");
    Families families(sink);
    Status status;
    ForEachLine(*text, [&](std::string_view line) {
      const auto words = Words(line);
      if (words.size() < 3 + kLeastColumns || filter_.Ignores(words[2])) return true;
      status = Device(words, families);
      return status.ok();
    });
    return status;
  }

 private:
  // One family each, in which the devices are the samples.
  struct Families {
    explicit Families(Sink& sink) : sink(sink) {
      info = &sink.Add(MetricType::kGauge, "node_disk_info", "Info of /sys/block/<block_device>.");
      for (const Column& column : kColumns) {
        columns.push_back(&sink.Add(column.type, fmt::format("node_disk_{}", column.name),
                                    std::string(column.help)));
      }
      filesystem =
          &sink.Add(MetricType::kGauge, "node_disk_filesystem_info", "Info about disk filesystem.");
      device_mapper = &sink.Add(MetricType::kGauge, "node_disk_device_mapper_info",
                                "Info about disk device mapper.");
      for (const auto& ata_row : kAta) {
        ata.push_back(
            &sink.Add(MetricType::kGauge, std::string(ata_row.name), std::string(ata_row.help)));
      }
    }
    Sink& sink;
    MetricFamily *info, *filesystem, *device_mapper;
    std::vector<MetricFamily*> columns, ata;
  };

  Status Device(const std::vector<std::string_view>& words, Families& families) const {
    const std::string device(words[2]);
    const auto udev =
        udev_.empty() ? UdevProperties() : UdevProperties::Read(udev_, words[0], words[1]);
    Info(device, words, udev, families);
    for (size_t i = 0; i < std::size(kColumns) && i + 3 < words.size(); ++i) {
      const auto value = Number(words[i + 3]);
      if (!value) return DataLoss("couldn't get diskstats: invalid number {}", words[i + 3]);
      AddSample(*families.columns[i], *value * kColumns[i].factor, {{"device", device}});
    }
    return OkStatus();
  }

  void Info(const std::string& device, const std::vector<std::string_view>& words,
            const UdevProperties& udev, Families& families) const {
    std::string serial = udev.Get("SCSI_IDENT_SERIAL");
    if (serial.empty()) serial = udev.Get("ID_SERIAL_SHORT");
    if (serial.empty()) serial = udev.Get("ID_SERIAL");
    const auto rotational = ReadTrimmed(fmt::format("{}/{}/queue/rotational", block_, device));
    AddSample(*families.info, 1,
              {{"device", device},
               {"major", std::string(words[0])},
               {"minor", std::string(words[1])},
               {"model", udev.Get("ID_MODEL")},
               {"path", udev.Get("ID_PATH")},
               {"revision", udev.Get("ID_REVISION")},
               {"rotational", rotational && Number(*rotational) ? *rotational : "0"},
               {"serial", serial},
               {"wwn", udev.Get("ID_WWN")}});
    if (const auto& type = udev.Get("ID_FS_TYPE"); !type.empty()) {
      AddSample(*families.filesystem, 1,
                {{"device", device},
                 {"type", type},
                 {"usage", udev.Get("ID_FS_USAGE")},
                 {"uuid", udev.Get("ID_FS_UUID")},
                 {"version", udev.Get("ID_FS_VERSION")}});
    }
    if (const auto& name = udev.Get("DM_NAME"); !name.empty()) {
      AddSample(*families.device_mapper, 1,
                {{"device", device},
                 {"lv_layer", udev.Get("DM_LV_LAYER")},
                 {"lv_name", udev.Get("DM_LV_NAME")},
                 {"name", name},
                 {"uuid", udev.Get("DM_UUID")},
                 {"vg_name", udev.Get("DM_VG_NAME")}});
    }
    if (udev.Get("ID_ATA").empty()) return;
    for (size_t i = 0; i < std::size(kAta); ++i) {
      if (const auto value = Number(udev.Get(kAta[i].key))) {
        AddSample(*families.ata[i], *value, {{"device", device}});
      }
    }
  }

  const std::string path_, block_;
  std::string udev_;  // "" when there is no database
  const NameFilter filter_;
};

class DiskstatsPlugin final : public Plugin {
 public:
  void AddFlags(FlagSet& flags) override { device_.Add(flags); }
  StatusOr<std::unique_ptr<Collector>> Create(const Paths& paths, const FlagSet& flags) override {
    NX_ASSIGN_OR_RETURN(NameFilter filter, device_.Resolve(flags));
    return std::make_unique<DiskstatsCollector>(paths, std::move(filter));
  }

 private:
  FilterFlags device_{{.collector = "diskstats",
                       .subject = "device",
                       .plural = "diskstats devices",
                       .default_exclude = R"(^(z?ram|loop|fd|(h|s|v|xv)d[a-z]|nvme\d+n\d+p)\d+$)",
                       .old_exclude = "ignored-devices",
                       .old_include = ""}};
};

}  // namespace

std::unique_ptr<Plugin> MakeDiskstatsPlugin() { return std::make_unique<DiskstatsPlugin>(); }

}  // namespace narthex::node
