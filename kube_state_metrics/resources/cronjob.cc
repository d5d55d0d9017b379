#include "kube_state_metrics/resources/cron.h"
#include "kube_state_metrics/resources/declare.h"
#include "kube_state_metrics/resources/members.h"

namespace narthex::ksm {
namespace {

StatusOr<CronSchedule> ScheduleOf(const Json& object) {
  return CronSchedule::Parse(Text(object["spec"]["schedule"]), Text(object["spec"]["timeZone"]));
}

// Counted from the last run, or from the creation when there was none; a suspended job has none.
void AddNextTime(const Json& object, SeriesSink& out) {
  if (object["spec"]["suspend"].AsBool()) return;
  const auto schedule = ScheduleOf(object);
  if (!schedule.ok()) return;
  auto from = UnixTime(object["status"]["lastScheduleTime"]);
  if (!from) from = UnixTime(Meta(object, "creationTimestamp"));
  if (!from) return;
  const auto next = schedule->Next(static_cast<int64_t>(*from));
  if (next) out.Add(static_cast<double>(*next));
}

}  // namespace

void DeclareCronJobs(FamilyList& f) {
  f.Annotations();
  f.Labels(Stability::kStable);
  f.Stable("info", "Info about cronjob.", [](const Json& object, SeriesSink& out) {
    const Json& spec = object["spec"];
    const Json& zone = spec["timeZone"];
    out.Add({{"schedule", Text(spec["schedule"])},
             {"concurrency_policy", Text(spec["concurrencyPolicy"])},
             {"timezone", zone.is_string() ? std::string_view(Text(zone)) : "local"}},
            1);
  });
  f.Created(Stability::kStable);
  f.Stable("status_active", "Active holds pointers to currently running jobs.",
           [](const Json& object, SeriesSink& out) {
             out.Add(static_cast<double>(object["status"]["active"].items().size()));
           });
  f.Stable("status_last_schedule_time",
           "LastScheduleTime keeps information of when was the last time the job was successfully "
           "scheduled.",
           Time("status", "lastScheduleTime"));
  f.Stable("status_last_successful_time",
           "LastSuccessfulTime keeps information of when was the last time the job was completed "
           "successfully.",
           Time("status", "lastSuccessfulTime"));
  f.Stable("spec_suspend", "Suspend flag tells the controller to suspend subsequent executions.",
           OptionalNumber("spec", "suspend"));
  f.Stable("spec_starting_deadline_seconds",
           "Deadline in seconds for starting the job if it misses scheduled time for any reason.",
           OptionalNumber("spec", "startingDeadlineSeconds"));
  f.Stable(
      "next_schedule_time",
      "Next time the cronjob should be scheduled. The time after lastScheduleTime, or after "
      "the cron job's creation time if it's never been scheduled. Use this to determine if the "
      "job is delayed.",
      AddNextTime);
  f.Alpha("schedule_invalid", "Whether the schedule of the cronjob cannot be parsed.",
          [](const Json& object, SeriesSink& out) { AddBool(out, !ScheduleOf(object).ok()); });
  f.ResourceVersion(Stability::kStable);
  f.Alpha("spec_successful_job_history_limit",
          "Successful job history limit tells the controller how many completed jobs should be "
          "preserved.",
          OptionalNumber("spec", "successfulJobsHistoryLimit"));
  f.Alpha("spec_failed_job_history_limit",
          "Failed job history limit tells the controller how many failed jobs should be preserved.",
          OptionalNumber("spec", "failedJobsHistoryLimit"));
}

}  // namespace narthex::ksm
