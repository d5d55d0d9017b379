// /proc/vmstat: the fields that --collector.vmstat.fields selects, untyped.

#include "core/labels/regex.h"
#include "node_exporter/collectors/plugins.h"
#include "node_exporter/parse.h"

namespace narthex::node {
namespace {

class VmstatCollector final : public Collector {
 public:
  VmstatCollector(const Paths& paths, std::shared_ptr<const Regex> fields)
      : path_(paths.Proc("vmstat")), fields_(std::move(fields)) {}

  Status Update(Sink& sink) override {
    NX_ASSIGN_OR_RETURN(std::string text, ReadKernelFile(path_));
    Status status;
    ForEachLine(text, [&](std::string_view line) {
      const auto words = Words(line);
      if (words.size() < 2 || !fields_->Matches(words[0])) return true;
      const auto value = Number(words[1]);
      if (!value) {
        status = DataLoss("invalid line in {}: {}", path_, line);
        return false;
      }
      sink.Untyped(fmt::format("node_vmstat_{}", words[0]),
                   fmt::format("/proc/vmstat information field {}.", words[0]), *value);
      return true;
    });
    return status;
  }

 private:
  const std::string path_;
  const std::shared_ptr<const Regex> fields_;
};

class VmstatPlugin final : public Plugin {
 public:
  void AddFlags(FlagSet& flags) override {
    fields_ =
        flags.String("collector.vmstat.fields", "Regexp of fields to return for vmstat collector.",
                     "^(oom_kill|pgpg|pswp|pg.*fault).*");
  }
  StatusOr<std::unique_ptr<Collector>> Create(const Paths& paths, const FlagSet&) override {
    NX_ASSIGN_OR_RETURN(auto fields, Regex::Compile(*fields_));
    return std::make_unique<VmstatCollector>(paths, std::move(fields));
  }

 private:
  std::string* fields_ = nullptr;
};

}  // namespace

std::unique_ptr<Plugin> MakeVmstatPlugin() { return std::make_unique<VmstatPlugin>(); }

}  // namespace narthex::node
