#include "server/cmd/promtool/check_config.h"

#include <unistd.h>

#include "core/base/errno_text.h"
#include "core/strings/duration.h"
#include "core/strings/quote.h"
#include "server/cmd/promtool/output.h"
#include "server/config/config.h"
#include "server/discovery/file/file.h"
#include "server/discovery/kubernetes/config.h"
#include "server/discovery/mechanism.h"
#include "server/notifier/alertmanager_urls.h"
#include "server/scrape/target.h"

namespace narthex::promtool {
namespace {

// "" stands for a file nobody named.
Status CheckFileExists(const std::string& file, std::string_view what) {
  if (file.empty() || access(file.c_str(), F_OK) == 0) return OkStatus();
  return NotFound("error checking {} {}: stat {}: {}", what, GoQuote(file), file, ErrnoText(errno));
}

Status CheckTlsFiles(const http::TlsConfig& tls) {
  if (!tls.cert_file.empty() && tls.key_file.empty()) {
    return InvalidArgument("client cert file {} specified without client key file",
                           GoQuote(tls.cert_file));
  }
  if (!tls.key_file.empty() && tls.cert_file.empty()) {
    return InvalidArgument("client key file {} specified without client cert file",
                           GoQuote(tls.key_file));
  }
  NX_RETURN_IF_ERROR(CheckFileExists(tls.cert_file, "client cert file"));
  return CheckFileExists(tls.key_file, "client key file");
}

Status CheckClientFiles(const http::ClientConfig& client) {
  if (client.authorization.has_value()) {
    NX_RETURN_IF_ERROR(CheckFileExists(client.authorization->credentials_file,
                                       "authorization credentials or bearer token file"));
  }
  return CheckTlsFiles(client.tls);
}

StatusOr<std::vector<std::string>> RuleFilesOf(const config::Config& config) {
  std::vector<std::string> files;
  for (const std::string& pattern : config.rule_files) {
    NX_ASSIGN_OR_RETURN(const auto matches, config::ExpandGlob(pattern));
    if (matches.empty() && pattern.find('*') == std::string::npos) {
      return NotFound("{} does not point to an existing file", GoQuote(pattern));
    }
    files.insert(files.end(), matches.begin(), matches.end());
  }
  return files;
}

std::vector<std::string> FilesOf(const discovery::DiscoveryConfigs& discovery) {
  std::vector<std::string> files;
  for (const discovery::MechanismConfigPtr& mechanism : discovery.mechanisms) {
    const auto* file =
        dynamic_cast<const discovery::ConfigOf<discovery::file::Config>*>(mechanism.get());
    if (file == nullptr) continue;
    files.insert(files.end(), file->value.files.begin(), file->value.files.end());
  }
  return files;
}

// The targets of static_configs and, unless only syntax counts, of the files of file_sd_configs.
// Files that are not there are told, they may come later.
StatusOr<discovery::TargetGroups> KnownTargets(const discovery::DiscoveryConfigs& discovery,
                                               bool syntax_only, const std::string& where) {
  discovery::TargetGroups groups;
  for (const discovery::TargetGroup& group : discovery.static_groups) {
    groups.push_back(std::make_shared<discovery::TargetGroup>(group));
  }
  if (syntax_only) return groups;
  for (const std::string& pattern : FilesOf(discovery)) {
    NX_ASSIGN_OR_RETURN(const auto files, config::ExpandGlob(pattern));
    for (const std::string& file : files) {
      auto found = discovery::file::ReadTargetGroups(file);
      if (!found.ok()) {
        return Annotate(found.status(), fmt::format("checking SD file {}", GoQuote(pattern)));
      }
      groups.insert(groups.end(), found->begin(), found->end());
    }
    if (files.empty()) {
      Print(fmt::format("  WARNING: file {} for file_sd in {} does not exist\n", GoQuote(pattern),
                        where));
    }
  }
  return groups;
}

// Upstream looks at the certificates for Kubernetes and at no other mechanism's.
Status CheckDiscoveryFiles(const discovery::DiscoveryConfigs& discovery) {
  for (const discovery::MechanismConfigPtr& mechanism : discovery.mechanisms) {
    const auto* kubernetes =
        dynamic_cast<const discovery::ConfigOf<discovery::kubernetes::Config>*>(mechanism.get());
    if (kubernetes != nullptr) NX_RETURN_IF_ERROR(CheckTlsFiles(kubernetes->value.http.tls));
  }
  return OkStatus();
}

Status CheckJob(const config::ScrapeConfig& job, bool syntax_only) {
  if (!syntax_only) {
    NX_RETURN_IF_ERROR(CheckClientFiles(job.http));
    NX_RETURN_IF_ERROR(CheckDiscoveryFiles(job.discovery));
  }
  NX_ASSIGN_OR_RETURN(const auto groups,
                      KnownTargets(job.discovery, syntax_only,
                                   fmt::format("scrape job {}", GoQuote(job.job_name))));
  NX_ASSIGN_OR_RETURN(const RelabelRules rules,
                      CompileRelabelRules(job.relabel_configs, job.name_validation));
  for (const auto& group : groups) {
    for (size_t i = 0; i < group->targets.size(); ++i) {
      const auto target = scrape::MakeTarget(
          job, rules, scrape::DiscoveredLabels(job, group->targets[i], group->labels));
      if (target.ok()) continue;
      return InvalidArgument("instance {} in group {}: {} (job {}, line {})", i, group->source,
                             MessageOf(target.status()), GoQuote(job.job_name), job.line);
    }
  }
  return OkStatus();
}

Status CheckAlertmanager(const config::AlertmanagerConfig& config, bool syntax_only) {
  NX_ASSIGN_OR_RETURN(const auto groups,
                      KnownTargets(config.discovery, syntax_only, "alertmanager config"));
  NX_ASSIGN_OR_RETURN(const RelabelRules rules, CompileRelabelRules(config.relabel_configs));
  std::string before;
  for (const auto& group : groups) {
    for (const Labels& target : group->targets) {
      NX_RETURN_IF_ERROR(
          notifier::AlertmanagerUrl(config, rules, target, group->labels, &before).status());
    }
  }
  return OkStatus();
}

struct Checked {
  std::shared_ptr<const config::Config> config;
  std::vector<std::string> rule_files;
};

StatusOr<Checked> CheckAll(const std::string& file, const CheckConfigOptions& options) {
  config::LoadOptions load;
  load.agent = options.agent;
  load.read_scrape_config_files = !options.syntax_only;
  Checked checked;
  NX_ASSIGN_OR_RETURN(checked.config, config::LoadFile(file, load));
  const config::Config& config = *checked.config;
  if (!options.syntax_only) {
    NX_ASSIGN_OR_RETURN(checked.rule_files, RuleFilesOf(config));
  }
  for (const config::ScrapeConfig& job : config.scrape_configs) {
    NX_RETURN_IF_ERROR(CheckJob(job, options.syntax_only));
  }
  for (const config::AlertmanagerConfig& alertmanager : config.alerting.alertmanagers) {
    NX_RETURN_IF_ERROR(CheckAlertmanager(alertmanager, options.syntax_only));
  }
  return checked;
}

Verdict LintIntervals(const config::Config& config, const LintOptions& lint) {
  Verdict verdict;
  if (!lint.long_intervals) return verdict;
  for (const config::ScrapeConfig& job : config.scrape_configs) {
    if (job.scrape_interval_ms < lint.lookback_ms) continue;
    PrintError(fmt::format(
        "  FAILED: too long scrape interval found, data point will be marked as stale - "
        "job: {}, interval: {}\n",
        job.job_name, FormatPromDuration(job.scrape_interval_ms)));
    verdict.failed = true;
  }
  return verdict;
}

Verdict CheckConfigFile(const std::string& file, const CheckConfigOptions& options,
                        const promql::ParserOptions& parser) {
  Print(fmt::format("Checking {}\n", file));
  const StatusOr<Checked> checked = CheckAll(file, options);
  if (!checked.ok()) {
    PrintError(fmt::format("  FAILED: {}\n", MessageOf(checked.status())));
    Print("\n");
    return {true, true};
  }
  if (!checked->rule_files.empty()) {
    Print(fmt::format("  SUCCESS: {} rule files found\n", checked->rule_files.size()));
  }
  Print(fmt::format(" SUCCESS: {} is valid prometheus config file syntax\n\n", file));
  if (options.syntax_only) return {};
  Verdict verdict = LintIntervals(*checked->config, options.lint);
  for (const std::string& rules : checked->rule_files) {
    verdict.Add(CheckRuleFile(rules, options.lint, parser));
  }
  return verdict;
}

}  // namespace

int CheckConfig(const std::vector<std::string>& files, const CheckConfigOptions& options,
                const promql::ParserOptions& parser) {
  if (!AllExist(files)) return kFailed;
  Verdict verdict;
  for (const std::string& file : files) verdict.Add(CheckConfigFile(file, options, parser));
  return verdict.ExitCode(options.lint.fatal);
}

}  // namespace narthex::promtool
