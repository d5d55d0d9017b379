#include "server/cmd/prometheus/features.h"

#include "core/template/prometheus_functions.h"
#include "server/cmd/prometheus/app.h"
#include "server/discovery/describe.h"
#include "server/promql/parser/functions_table.h"

namespace narthex::prometheus {
namespace {

using Names = std::map<std::string, bool>;

Names FunctionsOf(const promql::ParserOptions& parser) {
  Names out;
  for (const promql::FunctionSignature& f : promql::AllFunctions()) {
    out[std::string(f.name)] = !f.experimental || parser.experimental_functions;
  }
  out["start_timestamp"] = false;  // known to the language, nothing to answer it with
  return out;
}

// Operators, aggregators and those of matchers.
Names OperatorsOf(const promql::ParserOptions& parser) {
  using promql::AggregateOp, promql::BinaryOp;
  Names out{{"=~", true}, {"!~", true}, {"=", true}};
  for (int op = 0; op <= static_cast<int>(BinaryOp::kUnless); ++op) {
    out[std::string(promql::BinaryOpName(static_cast<BinaryOp>(op)))] = true;
  }
  for (int op = 0; op <= static_cast<int>(AggregateOp::kLimitRatio); ++op) {
    const bool stable = op < static_cast<int>(AggregateOp::kLimitK);
    out[std::string(promql::AggregateOpName(static_cast<AggregateOp>(op)))] =
        stable || parser.experimental_functions;
  }
  return out;
}

Names LanguageOf(const Flags& flags, const promql::ParserOptions& parser) {
  return {{"anchored", parser.extended_range_selectors},
          {"at_modifier", true},
          {"delayed_name_removal", flags.features.contains("promql-delayed-name-removal")},
          {"duration_expr", parser.duration_expressions},
          {"experimental_functions", parser.experimental_functions},
          {"fill", parser.binop_fill_modifiers},
          {"fill_left", parser.binop_fill_modifiers},
          {"fill_right", parser.binop_fill_modifiers},
          {"negative_offset", true},
          {"per_query_lookback_delta", true},
          {"per_step_stats", flags.features.contains("promql-per-step-stats")},
          {"smoothed", parser.extended_range_selectors},
          {"subqueries", true},
          {"type_and_unit_labels", flags.features.contains("type-and-unit-labels")}};
}

Names ProvidersOf() {
  Names out;
  for (const auto& [name, here] : discovery::KnownMechanisms()) out[std::string(name)] = here;
  return out;
}

Names TemplateFunctions() {
  Names out;
  for (const auto& [name, function] : tmpl::PrometheusFunctions({})) out[std::string(name)] = true;
  return out;
}

}  // namespace

api::Features DescribeFeatures(const Flags& flags) {
  const promql::ParserOptions parser = ParserOptionsOf(flags);
  const auto on = [&flags](const char* feature) { return flags.features.contains(feature); };
  return {
      {"api",
       {{"admin", *flags.enable_admin_api},
        {"exclude_alerts", true},
        {"lifecycle", *flags.enable_lifecycle},
        {"query_stats", true},
        {"query_warnings", true},
        {"remote_write_receiver", *flags.enable_remote_write}}},
      {"otlp_receiver", {{"delta_conversion", false}, {"native_delta_ingestion", false}}},
      {"prometheus", {{"agent_mode", false}, {"auto_reload_config", *flags.auto_reload}}},
      {"promql", LanguageOf(flags, parser)},
      {"promql_functions", FunctionsOf(parser)},
      {"promql_operators", OperatorsOf(parser)},
      {"rules", {{"concurrent_rule_eval", on("concurrent-rule-eval")}, {"keep_firing_for", true}}},
      {"scrape",
       {{"extra_scrape_metrics", on("extra-scrape-metrics")},
        {"start_timestamp_zero_ingestion", on("created-timestamp-zero-ingestion")},
        {"type_and_unit_labels", on("type-and-unit-labels")}}},
      {"service_discovery_providers", ProvidersOf()},
      {"templating_functions", TemplateFunctions()},
      {"tsdb",
       {{"delayed_compaction", on("delayed-compaction")},
        {"exemplar_storage", on("exemplar-storage")},
        {"native_histograms", true}}},
      {"ui", {{"ui_v2", false}, {"ui_v3", false}}},
  };
}

}  // namespace narthex::prometheus
