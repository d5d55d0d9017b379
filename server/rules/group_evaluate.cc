// One evaluation of one rule: query, labels and templates, alert state, samples, notifications.
#include <absl/container/flat_hash_set.h>

#include "core/http/route_prefix.h"
#include "core/http/types.h"
#include "core/log/log.h"
#include "server/rules/group.h"
#include "server/rules/group_rule.h"

namespace narthex::rules {
namespace {

StatusOr<std::vector<promql::VectorSample>> ToVector(StatusOr<promql::QueryResult> result) {
  NX_RETURN_IF_ERROR(result.status());
  if (result->type == promql::ValueType::kVector) return std::move(result->vector);
  if (result->type == promql::ValueType::kScalar) {
    return std::vector<promql::VectorSample>{{Labels(), result->scalar.t, result->scalar.v}};
  }
  return InvalidArgument("rule result is not a vector or scalar");
}

NamedTexts Pairs(const Labels& labels) {
  NamedTexts pairs;
  for (const Label& label : labels) pairs.emplace_back(label.name, label.value);
  return pairs;
}

// The path of a URL: what pathPrefix gives.
TemplateContext MakeTemplateContext(const Environment& environment,
                                    const QueryContext& query_context,
                                    const NamedTexts& external_labels, TimestampMs t) {
  tmpl::PrometheusContext context;
  context.query = [&environment, &query_context,
                   t](std::string_view expr) -> StatusOr<std::vector<tmpl::QuerySample>> {
    NX_ASSIGN_OR_RETURN(auto vector,
                        ToVector(environment.query(std::string(expr), t, query_context)));
    std::vector<tmpl::QuerySample> samples;
    samples.reserve(vector.size());
    for (const auto& sample : vector)
      samples.push_back({Pairs(sample.metric), TemplateValue(sample)});
    return samples;
  };
  context.now_nanos = [&environment] { return environment.options.clock->NowNanos(); };
  context.external_url = environment.options.external_url;
  context.path_prefix = http::ExternalPath(environment.options.external_url).value_or("");
  return {tmpl::PrometheusFunctions(context), external_labels, context.external_url};
}

}  // namespace

void Group::EvaluateRule(Rule& rule, TimestampMs t) {
  Metrics& metrics = *environment_.metrics;
  metrics.evaluations.With({key_}).Inc();
  const TimestampMs at = t - spec_.query_offset_ms;
  auto samples = rule.spec.is_alert ? EvaluateAlerts(rule, t, at) : EvaluateRecording(rule, at);
  narthex::Status status = samples.status();
  if (samples.ok()) {
    samples_ += samples->size();
    if (rule.spec.is_alert) SendAlerts(rule, t);
    status = WriteSamples(rule, at, *samples);
  } else {
    metrics.evaluation_failures.With({key_}).Inc();
    // Queries are cancelled when the server goes down; nothing to report then.
    if (status.code() != StatusCode::kCancelled) {
      NX_LOG(Warn, "Evaluating rule failed", {"component", "rule manager"}, {"file", spec_.file},
             {"group", spec_.name}, {"name", rule.spec.name}, {"err", status});
    }
  }
  MutexLock lock(mutex_);
  rule.health = status.ok() ? RuleHealth::kOk : RuleHealth::kError;
  rule.last_error = MessageOf(status);
}

StatusOr<Group::Samples> Group::EvaluateRecording(const Rule& rule, TimestampMs at) const {
  NX_ASSIGN_OR_RETURN(auto vector, ToVector(environment_.query(rule.spec.expr, at, context_)));
  Samples samples;
  samples.reserve(vector.size());
  absl::flat_hash_set<std::string_view> seen;  // into samples, whose capacity suffices
  LabelsBuilder builder;
  for (const auto& sample : vector) {
    builder.Reset(sample.metric);
    builder.Set(kMetricNameLabel, rule.spec.name);
    for (const auto& [name, value] : rule.spec.labels) builder.Set(name, value);
    samples.push_back({builder.Build(), sample.v, sample.histogram});
    if (!seen.insert(samples.back().labels.flat()).second) {
      return InvalidArgument(
          "vector contains metrics with the same labelset after applying rule labels");
    }
  }
  if (spec_.limit > 0 && samples.size() > static_cast<size_t>(spec_.limit)) {
    return ResourceExhausted("exceeded limit of {} with {} series", spec_.limit, samples.size());
  }
  return samples;
}

StatusOr<Group::Samples> Group::EvaluateAlerts(Rule& rule, TimestampMs t, TimestampMs at) {
  NX_ASSIGN_OR_RETURN(auto vector, ToVector(environment_.query(rule.spec.expr, at, context_)));
  auto elements = Expand(rule, vector, t);
  MutexLock lock(mutex_);
  NX_RETURN_IF_ERROR(rule.alerts.Update(rule.spec, spec_.limit, t, std::move(elements)));
  // Before the former state is restored the series still tell it.
  return rule.restored ? rule.alerts.Output(rule.spec) : Samples();
}

std::vector<AlertElement> Group::Expand(const Rule& rule,
                                        const std::vector<promql::VectorSample>& vector,
                                        TimestampMs t) const {
  std::vector<AlertElement> elements;
  if (vector.empty()) return elements;
  const TemplateContext context = MakeTemplateContext(environment_, context_, external_labels_, t);
  elements.reserve(vector.size());
  LabelsBuilder builder;
  for (const auto& sample : vector) {
    const NamedTexts labels = Pairs(sample.metric);
    const tmpl::Value value = TemplateValue(sample);
    AlertElement& element = elements.emplace_back();
    builder.Reset(sample.metric);
    builder.Del(kMetricNameLabel);
    for (const auto& [name, text] : rule.labels) {
      builder.Set(name, text.Expand(context, labels, value));
    }
    builder.Set(kAlertNameLabel, rule.spec.name);
    element.labels = builder.Build();
    for (const auto& [name, text] : rule.annotations) {
      element.annotations.emplace_back(name, text.Expand(context, labels, value));
    }
    element.value = sample.v;
  }
  return elements;
}

void Group::SendAlerts(Rule& rule, TimestampMs t) {
  std::vector<ActiveAlert> due;
  {
    MutexLock lock(mutex_);
    due = rule.alerts.TakeDue(t, environment_.options.resend_delay_ms, spec_.interval_ms);
  }
  if (due.empty() || !environment_.notify) return;
  const std::string url =
      fmt::format("{}/graph?g0.expr={}&g0.tab=1", environment_.options.external_url,
                  http::QueryEscape(rule.spec.expr));
  std::vector<notifier::Alert> alerts;
  alerts.reserve(due.size());
  for (ActiveAlert& alert : due) {
    alerts.push_back({std::move(alert.labels), std::move(alert.annotations), alert.fired_at,
                      alert.resolved_at != 0 ? alert.resolved_at : alert.valid_until, url});
  }
  environment_.notify(std::move(alerts));
}

narthex::Status Group::WriteSamples(Rule& rule, TimestampMs at, const Samples& samples) {
  const auto [commit, first_error] = rule.output->Write(at, samples);
  const uint32_t dropped =
      commit.out_of_order + commit.duplicate + commit.out_of_bounds + commit.refused;
  if (dropped == 0) return OkStatus();
  NX_LOG(Warn, "Rule evaluation result discarded", {"component", "rule manager"},
         {"file", spec_.file}, {"group", spec_.name}, {"name", rule.spec.name},
         {"out_of_order", commit.out_of_order}, {"duplicate", commit.duplicate},
         {"out_of_bounds", commit.out_of_bounds}, {"refused", commit.refused});
  if (!first_error.ok()) return first_error;
  if (commit.refused > 0) return ResourceExhausted("{} samples refused by storage", commit.refused);
  if (commit.out_of_bounds > 0) return OutOfRange("out of bounds");
  if (commit.duplicate > 0) return AlreadyExists("duplicate sample for timestamp");
  return OutOfRange("out of order sample");
}

}  // namespace narthex::rules
