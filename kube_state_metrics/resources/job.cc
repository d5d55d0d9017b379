#include "kube_state_metrics/resources/declare.h"
#include "kube_state_metrics/resources/members.h"

namespace narthex::ksm {
namespace {

constexpr std::string_view kFailures[] = {"BackoffLimitExceeded", "DeadlineExceeded", "Evicted"};

// The known reasons as states while the job has failed with one; else the count, without a reason.
void AddFailed(const Json& job, SeriesSink& out) {
  const double failed = job["status"]["failed"].AsDouble();
  if (failed == 0) return out.Add(0);
  bool known = false;
  for (const Json& condition : job["status"]["conditions"].items()) {
    if (Text(condition["type"]) != "Failed") continue;
    for (const std::string_view reason : kFailures) {
      const bool is_it = Text(condition["reason"]) == reason;
      known = known || is_it;
      out.Add({{"reason", reason}}, is_it ? 1 : 0);
    }
  }
  if (!known) out.Add({{"reason", ""}}, failed);
}

Generator Condition(std::string_view type) {
  return [type](const Json& job, SeriesSink& out) {
    for (const Json& condition : job["status"]["conditions"].items()) {
      if (Text(condition["type"]) == type) {
        AddConditionStatus(out, Text(condition["status"]), "condition");
      }
    }
  };
}

void AddSuspended(const Json& job, SeriesSink& out) {
  bool suspended = false;
  for (const Json& condition : job["status"]["conditions"].items()) {
    suspended = suspended ||
                (Text(condition["type"]) == "Suspended" && Text(condition["status"]) == "True");
  }
  AddBool(out, suspended);
}

}  // namespace

void DeclareJobs(FamilyList& f) {
  f.Annotations();
  f.Labels(Stability::kStable);
  f.Stable("info", "Information about job.", One());
  f.Created(Stability::kStable);
  f.Stable("spec_parallelism",
           "The maximum desired number of pods the job should run at any given time.",
           OptionalNumber("spec", "parallelism"));
  f.Stable("spec_completions",
           "The desired number of successfully finished pods the job should be run with.",
           OptionalNumber("spec", "completions"));
  f.Stable("spec_active_deadline_seconds",
           "The duration in seconds relative to the startTime that the job may be active before "
           "the system tries to terminate it.",
           OptionalNumber("spec", "activeDeadlineSeconds"));
  f.Stable("status_succeeded", "The number of pods which reached Phase Succeeded.",
           Number("status", "succeeded"));
  f.Stable("status_failed",
           "The number of pods which reached Phase Failed and the reason for failure.", AddFailed);
  f.Stable("status_active", "The number of actively running pods.", Number("status", "active"));
  f.Alpha("status_ready", "The number of pods which have a Ready condition.",
          OptionalNumber("status", "ready"));
  f.Stable("complete", "The job has completed its execution.", Condition("Complete"));
  f.Stable("failed", "The job has failed its execution.", Condition("Failed"));
  f.Stable("status_start_time",
           "StartTime represents time when the job was acknowledged by the Job Manager.",
           Time("status", "startTime"));
  f.Stable("status_completion_time", "CompletionTime represents time when the job was completed.",
           Time("status", "completionTime"));
  f.Alpha("status_suspended", "Whether the job is suspended.", AddSuspended);
  f.Owner("Information about the Job's owner.", Stability::kStable);
}

}  // namespace narthex::ksm
