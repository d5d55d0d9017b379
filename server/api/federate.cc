// /federate: the newest sample of every selected series in an exposition format.
#include <algorithm>

#include "core/exposition/writer.h"
#include "core/log/log.h"
#include "server/api/impl.h"
#include "server/promql/parser/parser.h"

namespace narthex::api {
namespace {

constexpr size_t kChunkBytes = 64 << 10;

struct Newest {
  Labels labels;
  TimestampMs t = 0;
  double v = 0;
};

StatusOr<std::vector<Newest>> Select(const storage::Queryable& storage, TimestampMs now,
                                     int64_t lookback_ms,
                                     const std::vector<std::vector<Matcher>>& sets) {
  NX_ASSIGN_OR_RETURN(auto querier, storage.NewQuerier(now - lookback_ms, now));
  storage::SelectHints hints;
  hints.start = now - lookback_ms;
  hints.end = now;
  std::vector<Newest> found;
  for (const auto& set : sets) {
    if (set.empty()) continue;  // {} selects nothing here
    NX_ASSIGN_OR_RETURN(auto series, querier->Select(hints, set));
    for (size_t i = 0; i < series->size(); ++i) {
      Newest sample;
      if (!series->Last(i, hints.start - 1, now, &sample.t, &sample.v)) continue;
      if (storage::IsStaleNaN(sample.v) || storage::IsHistogramNaN(sample.v)) continue;
      sample.labels = series->labels(i);
      found.push_back(std::move(sample));
    }
  }
  // By metric, then by labels: one family each, and what several selectors found beside itself.
  std::sort(found.begin(), found.end(), [](const Newest& a, const Newest& b) {
    const auto order = a.labels.metric_name() <=> b.labels.metric_name();
    return order != 0 ? order < 0 : a.labels < b.labels;
  });
  found.erase(std::unique(found.begin(), found.end(),
                          [](const Newest& a, const Newest& b) { return a.labels == b.labels; }),
              found.end());
  return found;
}

// The labels of the series, then those of the server that it lacks, as upstream orders them.
MetricSample ToSample(const Newest& newest, const Labels& external) {
  MetricSample sample;
  for (const Label& label : newest.labels) {
    if (label.name == kMetricNameLabel) continue;
    sample.labels.push_back({std::string(label.name), std::string(label.value)});
  }
  const auto add = [&](std::string_view name, std::string_view value) {
    if (newest.labels.Has(name)) return;
    sample.labels.push_back({std::string(name), std::string(value)});
  };
  bool instance = external.Has(kInstanceLabel);
  for (const Label& label : external) {
    if (!instance && label.name > kInstanceLabel) {
      add(kInstanceLabel, "");
      instance = true;
    }
    add(label.name, label.value);
  }
  if (!instance) add(kInstanceLabel, "");
  sample.value = newest.v;
  sample.timestamp_ms = newest.t;
  return sample;
}

}  // namespace

void Api::Impl::Federate(const http::Request& request, http::ResponseWriter& response) {
  if (RefuseUnlessReady(response)) return;
  auto form = request.Form();
  if (!form.ok()) {
    return response.Error(400,
                          fmt::format("error parsing form values: {}", MessageOf(form.status())));
  }
  std::vector<std::vector<Matcher>> sets;
  for (const std::string& text : form->GetAll("match[]")) {
    auto matchers = promql::ParseAnySelector(text);
    if (!matchers.ok()) return response.Error(400, MessageOf(matchers.status()));
    sets.push_back(*std::move(matchers));
  }
  const OutputFormat format = NegotiateFormat(request.headers.Get("Accept"));
  auto found = Select(*storage.load(), options.clock->NowMs(), options.lookback_delta_ms, sets);
  if (!found.ok()) {
    federation_errors.Inc();
    return response.Error(500, MessageOf(found.status()));
  }
  const Labels external = sources.external_labels ? sources.external_labels() : Labels();
  response.headers().Set("Content-Type", ContentTypeOf(format));
  std::string out;
  MetricFamily family;
  family.type = MetricType::kUntyped;
  bool streaming = false;
  for (size_t i = 0; i < found->size(); ++i) {
    const std::string_view name = (*found)[i].labels.metric_name();
    if (name.empty()) {
      NX_LOG(Warn, "Ignoring nameless metric during federation", {"component", "web"},
             {"metric", (*found)[i].labels.ToString()});
      continue;
    }
    family.name = name;
    family.samples.push_back(ToSample((*found)[i], external));
    if (i + 1 < found->size() && (*found)[i + 1].labels.metric_name() == name) continue;
    AppendFamily(family, format, &out);
    family.samples.clear();
    if (out.size() < kChunkBytes) continue;
    streaming = true;
    if (!response.Write(out)) return;  // the client is gone
    out.clear();
  }
  if (!streaming) return response.Send(std::move(out));
  if (!out.empty()) response.Write(out);
}

}  // namespace narthex::api
