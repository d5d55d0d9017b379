#include "core/exposition/format.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "core/exposition/media_type.h"
#include "core/strings/quote.h"

namespace narthex {
namespace {

constexpr std::string_view kProtoType = "application/vnd.google.protobuf";
constexpr std::string_view kProtoMessage = "io.prometheus.client.MetricFamily";
constexpr std::string_view kOpenMetricsType = "application/openmetrics-text";
constexpr std::string_view kTextType = "text/plain";

struct ProtocolRow {
  ExpositionFormat format;
  std::string_view name, accept;
};
constexpr ProtocolRow kProtocols[] = {
    {ExpositionFormat::kProtobuf, "PrometheusProto",
     "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"},
    {ExpositionFormat::kOpenMetrics100, "OpenMetricsText1.0.0",
     "application/openmetrics-text;version=1.0.0"},
    {ExpositionFormat::kOpenMetrics001, "OpenMetricsText0.0.1",
     "application/openmetrics-text;version=0.0.1"},
    {ExpositionFormat::kText100, "PrometheusText1.0.0", "text/plain;version=1.0.0"},
    {ExpositionFormat::kText004, "PrometheusText0.0.4", "text/plain;version=0.0.4"},
};

const ProtocolRow& RowOf(ExpositionFormat format) {
  return *std::find_if(std::begin(kProtocols), std::end(kProtocols),
                       [&](const ProtocolRow& row) { return row.format == format; });
}

// The format a media range of an Accept header asks for, when it is one of ours.
std::optional<ExpositionFormat> Match(const MediaRange& range, bool offer_open_metrics) {
  std::string_view version = range.Param("version");
  if (range.type == kProtoType && range.Param("proto") == kProtoMessage &&
      range.Param("encoding") == "delimited") {
    return ExpositionFormat::kProtobuf;
  }
  // The reference offers no text 1.0.0: whoever asks for it gets 0.0.4 under the escaping asked
  // for.
  if (range.type == kTextType && (version == "0.0.4" || version.empty())) {
    return ExpositionFormat::kText004;
  }
  if (offer_open_metrics && range.type == kOpenMetricsType) {
    if (version == "1.0.0") return ExpositionFormat::kOpenMetrics100;
    if (version == "0.0.1" || version.empty()) return ExpositionFormat::kOpenMetrics001;
  }
  return std::nullopt;
}

std::optional<ScrapeGrammar> GrammarOf(std::string_view media_type) {
  if (media_type == kOpenMetricsType) return ScrapeGrammar::kOpenMetrics;
  if (media_type == kProtoType) return ScrapeGrammar::kProtobuf;
  if (media_type == kTextType) return ScrapeGrammar::kText;
  return std::nullopt;
}

}  // namespace

std::string ContentTypeOf(const OutputFormat& format) {
  std::string_view base;
  switch (format.format) {
    case ExpositionFormat::kProtobuf:
      base =
          "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; "
          "encoding=delimited";
      break;
    case ExpositionFormat::kOpenMetrics100:
      base = "application/openmetrics-text; version=1.0.0; charset=utf-8";
      break;
    case ExpositionFormat::kOpenMetrics001:
      base = "application/openmetrics-text; version=0.0.1; charset=utf-8";
      break;
    case ExpositionFormat::kText100: base = "text/plain; version=1.0.0; charset=utf-8"; break;
    case ExpositionFormat::kText004: base = "text/plain; version=0.0.4; charset=utf-8"; break;
  }
  return fmt::format("{}; escaping={}", base, NameEscapingToString(format.escaping));
}

OutputFormat NegotiateFormat(std::string_view accept, bool offer_open_metrics) {
  OutputFormat result;
  for (const MediaRange& range : ParseAccept(accept)) {
    if (auto escaping = ParseNameEscaping(range.Param("escaping"))) result.escaping = *escaping;
    if (auto format = Match(range, offer_open_metrics)) {
      result.format = *format;
      return result;
    }
  }
  return result;
}

std::string_view ScrapeProtocolName(ExpositionFormat format) { return RowOf(format).name; }

std::optional<ExpositionFormat> ParseScrapeProtocol(std::string_view name) {
  for (const ProtocolRow& row : kProtocols) {
    if (row.name == name) return row.format;
  }
  return std::nullopt;
}

std::string_view MediaTypeOf(ExpositionFormat format) {
  std::string_view accept = RowOf(format).accept;
  return accept.substr(0, accept.find(';'));
}

std::string BuildScrapeAccept(std::span<const ExpositionFormat> protocols, NameEscaping escaping) {
  std::string accept;
  size_t weight = std::size(kProtocols) + 1;
  for (ExpositionFormat protocol : protocols) {
    accept += RowOf(protocol).accept;
    if (protocol == ExpositionFormat::kText100 || protocol == ExpositionFormat::kOpenMetrics100) {
      accept += ";escaping=";
      accept += NameEscapingToString(escaping);
    }
    accept += fmt::format(";q=0.{},", weight--);
  }
  return accept + fmt::format("*/*;q=0.{}", weight);
}

StatusOr<ScrapeContent> ParseScrapeContentType(std::string_view content_type,
                                               std::optional<ExpositionFormat> fallback) {
  std::string problem, detail;
  if (content_type.empty()) {
    if (!fallback) {
      return InvalidArgument(
          "non-compliant scrape target sending blank Content-Type and no "
          "fallback_scrape_protocol specified for target");
    }
    problem = "non-compliant scrape target sending blank Content-Type";
  } else if (auto media_type = ParseMediaType(content_type); !media_type.ok()) {
    detail = fmt::format("\n{}", MessageOf(media_type.status()));
    if (!fallback) {
      return InvalidArgument(
          "cannot parse Content-Type {} and no fallback_scrape_protocol for target{}",
          GoQuote(content_type), detail);
    }
    problem = fmt::format("could not parse received Content-Type {}", GoQuote(content_type));
  } else if (auto grammar = GrammarOf(*media_type)) {
    return ScrapeContent{*grammar, ""};
  } else {
    problem = fmt::format("received unsupported Content-Type {}", GoQuote(content_type));
    if (!fallback) {
      return InvalidArgument("{} and no fallback_scrape_protocol specified for target", problem);
    }
  }
  std::string_view media_type = MediaTypeOf(*fallback);
  return ScrapeContent{
      *GrammarOf(media_type),
      fmt::format("{}, using fallback_scrape_protocol \"{}\"{}", problem, media_type, detail)};
}

}  // namespace narthex
