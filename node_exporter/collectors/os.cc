// os-release(5) under the root file system.

#include <ctime>

#include "core/base/file.h"
#include "core/strings/quote.h"
#include "node_exporter/collectors/plugins.h"
#include "node_exporter/parse.h"

namespace narthex::node {
namespace {

// Label → key in the file.
struct Field {
  std::string_view label, key;
};
constexpr Field kInfo[] = {
    {"build_id", "BUILD_ID"},
    {"id", "ID"},
    {"id_like", "ID_LIKE"},
    {"image_id", "IMAGE_ID"},
    {"image_version", "IMAGE_VERSION"},
    {"name", "NAME"},
    {"pretty_name", "PRETTY_NAME"},
    {"variant", "VARIANT"},
    {"variant_id", "VARIANT_ID"},
    {"version", "VERSION"},
    {"version_codename", "VERSION_CODENAME"},
    {"version_id", "VERSION_ID"},
};

using Release = std::map<std::string, std::string, std::less<>>;

// A value in the shell's quoting: '…' literal, "…" with backslash escapes, or bare.
std::string Unquote(std::string_view text) {
  if (text.size() >= 2 && text.front() == '\'' && text.back() == '\'') {
    return std::string(text.substr(1, text.size() - 2));
  }
  const bool quoted = text.size() >= 2 && text.front() == '"' && text.back() == '"';
  if (quoted) text = text.substr(1, text.size() - 2);
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 1 < text.size()) ++i;
    out += text[i];
  }
  return out;
}

Release ParseRelease(std::string_view text) {
  Release release;
  ForEachLine(text, [&](std::string_view line) {
    line = TrimSpace(line);
    const size_t equals = line.find('=');
    if (line.empty() || line.front() == '#' || equals == std::string_view::npos) return true;
    release[std::string(TrimSpace(line.substr(0, equals)))] =
        Unquote(TrimSpace(line.substr(equals + 1)));
    return true;
  });
  return release;
}

// The leading digits and one fraction: "12.04.1" → 12.04.
double LeadingVersion(std::string_view text) {
  size_t end = 0;
  const auto digits = [&] {
    const size_t from = end;
    while (end < text.size() && text[end] >= '0' && text[end] <= '9') ++end;
    return end > from;
  };
  if (!digits()) return 0;
  const size_t whole = end;
  if (end + 1 < text.size() && text[end] == '.') {
    ++end;
    if (!digits()) end = whole;
  }
  return Number(text.substr(0, end)).value_or(0);
}

class OsCollector final : public Collector {
 public:
  explicit OsCollector(const Paths& paths)
      : files_{paths.Root("etc/os-release"), paths.Root("usr/lib/os-release")} {}

  Status Update(Sink& sink) override {
    auto text = ReadKernelFile(files_[0]);
    if (!text.ok()) text = ReadKernelFile(files_[1]);
    if (!text.ok()) {
      return text.status().code() == StatusCode::kNotFound
                 ? NoData(fmt::format("os-release not found in {}", files_[0]))
                 : text.status();
    }
    const Release release = ParseRelease(*text);
    const auto get = [&](std::string_view key) {
      const auto it = release.find(key);
      return it == release.end() ? std::string() : it->second;
    };
    std::vector<MetricLabel> labels;
    for (const Field& field : kInfo) labels.push_back({std::string(field.label), get(field.key)});
    sink.Gauge("node_os_info",
               "A metric with a constant '1' value labeled by build_id, id, id_like, image_id, "
               "image_version, name, pretty_name, variant, variant_id, version, version_codename, "
               "version_id.",
               1, std::move(labels));
    if (const double version = LeadingVersion(get("VERSION_ID")); version > 0) {
      sink.Gauge("node_os_version", "Metric containing the major.minor part of the OS version.",
                 version, {{"id", get("ID")}, {"id_like", get("ID_LIKE")}, {"name", get("NAME")}});
    }
    return SupportEnd(get("SUPPORT_END"), sink);
  }

 private:
  static Status SupportEnd(const std::string& date, Sink& sink) {
    if (date.empty()) return OkStatus();
    tm day{};
    const char* end = strptime(date.c_str(), "%Y-%m-%d", &day);
    if (end == nullptr || *end != 0) return DataLoss("could not parse SUPPORT_END: {}", date);
    sink.Gauge("node_os_support_end_timestamp_seconds",
               "Metric containing the end-of-life date timestamp of the OS.",
               static_cast<double>(timegm(&day)));
    return OkStatus();
  }

  const std::string files_[2];
};

}  // namespace

std::unique_ptr<Plugin> MakeOsPlugin() { return std::make_unique<SimplePlugin<OsCollector>>(); }

}  // namespace narthex::node
