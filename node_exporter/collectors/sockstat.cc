// /proc/net/sockstat and sockstat6: rows of a protocol and pairs of key and number.

#include <unistd.h>

#include "core/base/file.h"
#include "core/log/log.h"
#include "node_exporter/collectors/plugins.h"
#include "node_exporter/parse.h"

namespace narthex::node {
namespace {

class SockstatCollector final : public Collector {
 public:
  explicit SockstatCollector(const Paths& paths)
      : v4_(paths.Proc("net/sockstat")),
        v6_(paths.Proc("net/sockstat6")),
        page_size_(static_cast<double>(sysconf(_SC_PAGESIZE))) {}

  Status Update(Sink& sink) override {
    NX_RETURN_IF_ERROR(File(v4_, "IPv4", sink));
    return File(v6_, "IPv6", sink);
  }

 private:
  Status File(const std::string& path, std::string_view version, Sink& sink) const {
    auto text = ReadKernelFile(path);
    if (!text.ok()) {
      if (text.status().code() == StatusCode::kNotFound) {
        NX_LOG(Debug, fmt::format("{} sockstat statistics not found, skipping", version));
        return OkStatus();
      }
      return Annotate(text.status(), fmt::format("failed to get {} sockstat data", version));
    }
    Status status;
    ForEachLine(*text, [&](std::string_view line) {
      const auto words = Words(line);
      if (words.empty()) return true;
      std::string_view protocol = words[0];
      if (!protocol.ends_with(':') || words.size() % 2 == 0) {
        status = DataLoss("malformed sockstat line in {}: {}", path, line);
        return false;
      }
      protocol.remove_suffix(1);
      for (size_t i = 1; i + 1 < words.size() && status.ok(); i += 2) {
        status = Pair(protocol, words[i], words[i + 1], version, sink);
      }
      return status.ok();
    });
    return status;
  }

  Status Pair(std::string_view protocol, std::string_view key, std::string_view word,
              std::string_view version, Sink& sink) const {
    const auto value = Number(word);
    if (!value) return DataLoss("malformed number in sockstat: {}", word);
    if (protocol == "sockets") {
      if (version != "IPv4") return OkStatus();
      sink.Gauge("node_sockstat_sockets_used", "Number of IPv4 sockets in use.", *value);
      return OkStatus();
    }
    Emit(protocol, key, *value, sink);
    // Memory is in pages; shown in bytes as well.
    if (key == "mem") Emit(protocol, "mem_bytes", *value * page_size_, sink);
    return OkStatus();
  }

  static void Emit(std::string_view protocol, std::string_view key, double value, Sink& sink) {
    sink.Gauge(fmt::format("node_sockstat_{}_{}", protocol, key),
               fmt::format("Number of {} sockets in state {}.", protocol, key), value);
  }

  const std::string v4_, v6_;
  const double page_size_;
};

}  // namespace

std::unique_ptr<Plugin> MakeSockstatPlugin() {
  return std::make_unique<SimplePlugin<SockstatCollector>>();
}

}  // namespace narthex::node
