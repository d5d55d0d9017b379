#include "kube_state_metrics/program.h"

#include <signal.h>
#include <unistd.h>

#include <cstdio>

#include "core/base/clock.h"
#include "core/base/file.h"
#include "core/base/signals.h"
#include "core/flags/flags.h"
#include "core/log/log.h"
#include "kube_state_metrics/options/flags.h"
#include "kube_state_metrics/options/options.h"
#include "kube_state_metrics/serve/collection.h"
#include "kube_state_metrics/serve/file_watcher.h"
#include "kube_state_metrics/serve/instance.h"

namespace narthex::ksm {
namespace {

constexpr size_t kMaxConfig = 16 << 20;
constexpr int kDebugVerbosity = 4;

constexpr std::string_view kAbout =
    "kube-state-metrics is a simple service that listens to the Kubernetes API server and "
    "generates metrics about the state of the objects.\n";

std::string Usage() {
  return fmt::format(
      "{}\nUsage:\n  kube-state-metrics [flags]\n  kube-state-metrics [command]\n\n"
      "Available Commands:\n"
      "  completion  Generate completion script for kube-state-metrics.\n"
      "  help        Help about any command\n"
      "  version     Print version information.\n\n"
      "Flags:\n{}",
      kAbout, FlagUsage());
}

void Print(FILE* to, std::string_view text) { std::fwrite(text.data(), 1, text.size(), to); }

int Fail(std::string_view message) {
  Print(stderr, fmt::format("Error: {}\n", message));
  return 1;
}

int PrintCompletion(const std::vector<std::string>& arguments) {
  const std::string shell = arguments.size() == 2 ? arguments[1] : "";
  std::string words = "completion help version";
  std::string of_fish;
  for (const FlagDefinition& flag : FlagDefinitions()) {
    words += " --" + flag.name;
    of_fish += fmt::format("complete -c kube-state-metrics -l {}\n", flag.name);
  }
  const std::string of_bash = fmt::format("complete -W \"{}\" kube-state-metrics\n", words);
  if (shell == "bash") {
    Print(stdout, of_bash);
  } else if (shell == "zsh") {
    Print(stdout, "autoload -U +X bashcompinit && bashcompinit\n" + of_bash);
  } else if (shell == "fish") {
    Print(stdout, of_fish);
  } else if (shell == "powershell") {
    Print(stdout, fmt::format("Register-ArgumentCompleter -Native -CommandName kube-state-metrics "
                              "-ScriptBlock {{\n  param($word)\n  '{}'.Split(' ') | "
                              "Where-Object {{ $_ -like \"$word*\" }}\n}}\n",
                              words));
  } else {
    return Fail("completion needs a shell: bash, zsh, fish or powershell");
  }
  return 0;
}

constexpr std::string_view kConfigType = "config";
constexpr std::string_view kCustomType = "customresourceconfig";

// A file of the configuration: its text, or nothing when it may be missing.
StatusOr<std::string> ReadConfigFile(const std::string& path, bool may_be_missing) {
  auto text = ReadFile(path, kMaxConfig);
  if (text.ok() || !may_be_missing) return text;
  return std::string();
}

Status CheckAll(const Options& options) {
  NX_RETURN_IF_ERROR(options.Check());
  NX_RETURN_IF_ERROR(BuiltInPlans(options).status());
  return ParseCustomPlans(options).status();
}

// The instance at work, and the files it is made from.
class Supervisor {
 public:
  explicit Supervisor(Options from_line) : from_line_(std::move(from_line)) {}

  // Until a signal says to stop; the exit code.
  int Run(const SignalSet& signals) {
    const FileWatcher config_watcher(Named(from_line_.config), Restart);
    while (true) {
      Options options;
      Status status = ReadConfig(&options);
      // Watched from before it is read: no change is missed.
      const FileWatcher custom_watcher(Named(options.custom_config_file), Restart);
      if (status.ok()) {
        status = ReadCustomConfig(&options);
        if (status.ok()) status = CheckAll(options);
        if (!status.ok() && instance_ == nullptr) return Fail(MessageOf(status));
      } else if (instance_ == nullptr && !unreadable_yaml_) {
        return Fail(MessageOf(status));
      }
      if (status.ok()) {
        status = Start(options);
        if (!status.ok()) return Fail(MessageOf(status));
      } else {
        NX_LOG(Error, "Configuration refused, waiting for it to change", {"err", status});
        MarkFailed(options);
      }
      const int signal = signals.Wait();
      if (signal != SIGHUP) {
        NX_LOG(Info, "Received a signal, exiting", {"signal", signal});
        return 0;
      }
      NX_LOG(Info, "Reading the configuration again");
    }
  }

 private:
  static std::vector<std::string> Named(const std::string& file) {
    return file.empty() ? std::vector<std::string>{} : std::vector<std::string>{file};
  }
  static void Restart() { ::kill(::getpid(), SIGHUP); }

  // What the command line and the file say together. YAML that cannot be read waits for a better
  // one, even at the start.
  Status ReadConfig(Options* options) {
    *options = from_line_;
    config_text_.clear();
    unreadable_yaml_ = false;
    if (from_line_.config.empty()) return OkStatus();
    NX_ASSIGN_OR_RETURN(config_text_,
                        ReadConfigFile(from_line_.config, from_line_.continue_without_config));
    Status status = ApplyConfigText(config_text_, options);
    unreadable_yaml_ = !status.ok();
    return Annotate(status, from_line_.config);
  }

  // The custom resources of the file become those of the options.
  static Status ReadCustomConfig(Options* options) {
    if (options->custom_config_file.empty()) return OkStatus();
    if (!options->custom_config.empty()) {
      return InvalidArgument(
          "--custom-resource-state-config and --custom-resource-state-config-file exclude each "
          "other");
    }
    NX_ASSIGN_OR_RETURN(
        options->custom_config,
        ReadConfigFile(options->custom_config_file, options->continue_without_custom_config));
    return OkStatus();
  }

  Status Start(const Options& options) {
    instance_.reset();  // its ports are needed
    SetLogLevel(options.verbosity >= kDebugVerbosity ? LogLevel::kDebug : LogLevel::kInfo);
    const double now = Clock::System().NowSeconds();
    if (!options.config.empty()) {
      metrics_.ConfigLoaded(kConfigType, options.config, config_text_, now);
    }
    if (!options.custom_config_file.empty()) {
      metrics_.ConfigLoaded(kCustomType, options.custom_config_file, options.custom_config, now);
    }
    NX_ASSIGN_OR_RETURN(instance_, Instance::Start(options, &metrics_));
    return OkStatus();
  }

  void MarkFailed(const Options& options) {
    if (!options.config.empty()) metrics_.ConfigFailed(kConfigType, options.config);
    if (!unreadable_yaml_ && !options.custom_config_file.empty()) {
      metrics_.ConfigFailed(kCustomType, options.custom_config_file);
    }
  }

  const Options from_line_;
  SelfMetrics metrics_;
  std::string config_text_;
  bool unreadable_yaml_ = false;
  std::unique_ptr<Instance> instance_;
};

int Serve(const Options& from_line) {
  const SignalSet signals({SIGINT, SIGTERM, SIGHUP});
  return Supervisor(from_line).Run(signals);
}

}  // namespace

int RunProgram(const std::vector<std::string>& line) {
  Options options;
  const auto parsed = ParseFlags(line, &options);
  if (!parsed.ok()) {
    Print(stderr,
          fmt::format("Error: {0}\n{1}\nError: {0}\n", MessageOf(parsed.status()), Usage()));
    return 1;
  }
  const std::string command = parsed->arguments.empty() ? "" : parsed->arguments[0];
  if (parsed->help || command == "help") {
    Print(stdout, Usage());
    return 0;
  }
  if (command == "version") {
    // The binary's name has hyphens, that of the metric cannot.
    const std::string text = VersionText("kube_state_metrics");
    Print(stdout, "kube-state-metrics" + text.substr(text.find(',')) + "\n");
    return 0;
  }
  if (command == "completion") return PrintCompletion(parsed->arguments);
  if (!command.empty()) {
    return Fail(fmt::format("unknown command \"{}\" for \"kube-state-metrics\"", command));
  }
  return Serve(options);
}

}  // namespace narthex::ksm
