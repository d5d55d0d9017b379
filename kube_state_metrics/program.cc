#include "kube_state_metrics/program.h"

#include <unistd.h>

#include <cstdio>

#include "core/base/clock.h"
#include "core/base/file.h"
#include "core/base/signals.h"
#include "core/flags/flags.h"
#include "core/log/log.h"
#include "kube_state_metrics/options/flags.h"
#include "kube_state_metrics/options/options.h"
#include "kube_state_metrics/serve/file_watcher.h"
#include "kube_state_metrics/serve/instance.h"

namespace narthex::ksm {
namespace {

constexpr size_t kMaxConfig = 16 << 20;
constexpr int kDebugVerbosity = 4;

constexpr std::string_view kAbout =
    "kube-state-metrics is a simple service that listens to the Kubernetes API server and "
    "generates "
    "metrics about the state of the objects.\n";

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
  if (shell != "bash" && shell != "zsh" && shell != "fish") {
    return Fail("completion needs a shell: bash, zsh or fish (powershell is not supported)");
  }
  std::string out = shell == "zsh" ? "autoload -U +X bashcompinit && bashcompinit\n" : "";
  std::string words = "completion help version";
  for (const FlagDefinition& flag : FlagDefinitions()) {
    words += " --" + flag.name;
    if (shell == "fish") out += fmt::format("complete -c kube-state-metrics -l {}\n", flag.name);
  }
  if (shell != "fish") out += fmt::format("complete -W \"{}\" kube-state-metrics\n", words);
  Print(stdout, out);
  return 0;
}

// What the command line and the configuration file say together.
class Configuration {
 public:
  Configuration(Options from_line, SelfMetrics* metrics)
      : from_line_(std::move(from_line)), metrics_(metrics) {}

  // False: wait for the file to change. An error ends the program.
  StatusOr<bool> Load(Options* options) {
    *options = from_line_;
    if (from_line_.config.empty()) return true;
    const auto text = ReadFile(from_line_.config, kMaxConfig);
    if (!text.ok()) {
      if (from_line_.continue_without_config) return true;
      return Annotate(text.status(), "failed to read options configuration file");
    }
    if (Status status = ApplyConfigText(*text, options); !status.ok()) {
      NX_LOG(Error, "Failed to unmarshal options config file, waiting for it to change",
             {"file", from_line_.config}, {"err", status});
      metrics_->ConfigFailed("config", from_line_.config);
      return false;
    }
    metrics_->ConfigLoaded("config", from_line_.config, *text, Clock::System().NowSeconds());
    return true;
  }

 private:
  const Options from_line_;
  SelfMetrics* const metrics_;
};

// The custom resources of a file become those of the options.
StatusOr<bool> LoadCustomConfig(Options* options, SelfMetrics* metrics) {
  const std::string& file = options->custom_config_file;
  if (file.empty()) return true;
  auto text = ReadFile(file, kMaxConfig);
  if (!text.ok()) {
    if (options->continue_without_custom_config) return true;
    return Annotate(text.status(), "failed to read the custom resource state configuration");
  }
  metrics->ConfigLoaded("customresourceconfig", file, *text, Clock::System().NowSeconds());
  options->custom_config = *std::move(text);
  return true;
}

std::vector<std::string> Named(const std::string& file) {
  return file.empty() ? std::vector<std::string>{} : std::vector<std::string>{file};
}

void Restart() { ::kill(::getpid(), SIGHUP); }

void ApplyVerbosity(const Options& options) {
  SetLogLevel(options.verbosity >= kDebugVerbosity ? LogLevel::kDebug : LogLevel::kInfo);
}

// One instance after the other, until a signal says to stop.
int Serve(const Options& from_line) {
  const SignalSet signals({SIGINT, SIGTERM, SIGHUP});
  SelfMetrics metrics;
  Configuration configuration(from_line, &metrics);
  while (true) {
    Options options;
    // Files are watched from before they are read: no change is missed.
    const FileWatcher config_watcher(Named(from_line.config), Restart);
    const auto loaded = configuration.Load(&options);
    if (!loaded.ok()) return Fail(MessageOf(loaded.status()));
    const FileWatcher custom_watcher(Named(options.custom_config_file), Restart);
    std::unique_ptr<Instance> instance;
    if (*loaded) {
      if (Status status = options.Check(); !status.ok()) return Fail(MessageOf(status));
      const auto custom = LoadCustomConfig(&options, &metrics);
      if (!custom.ok()) return Fail(MessageOf(custom.status()));
      ApplyVerbosity(options);
      auto started = Instance::Start(options, &metrics);
      if (!started.ok()) return Fail(MessageOf(started.status()));
      instance = *std::move(started);
    }
    const int signal = signals.Wait();
    if (signal != SIGHUP) {
      NX_LOG(Info, "Received a signal, exiting", {"signal", signal});
      return 0;
    }
    NX_LOG(Info, "Configuration changed, starting anew");
  }
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
