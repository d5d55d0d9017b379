#pragma once
// The exposition formats by name, and how HTTP peers agree on one: the Accept header a scraper
// sends, what an exporter picks from it, and the Content-Type a scraper accepts.
//
// Thread safety: values and pure functions.

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "core/base/status.h"
#include "core/labels/names.h"

namespace narthex {

enum class ExpositionFormat {
  kProtobuf,  // length-delimited io.prometheus.client.MetricFamily
  kOpenMetrics100,
  kOpenMetrics001,
  kText100,  // text with UTF-8 names
  kText004,
};

// What an exporter writes: the format and how names that are not legacy ones are carried.
struct OutputFormat {
  ExpositionFormat format = ExpositionFormat::kText004;
  NameEscaping escaping = NameEscaping::kUnderscores;
  friend bool operator==(const OutputFormat&, const OutputFormat&) = default;
};

// text/plain; version=0.0.4; charset=utf-8; escaping=underscores
std::string ContentTypeOf(const OutputFormat& format);

// Picks from an Accept header as the Go client library does; text 0.0.4 when nothing fits.
// OpenMetrics is only considered when `offer_open_metrics`.
OutputFormat NegotiateFormat(std::string_view accept, bool offer_open_metrics = false);

// ---- The scraper's side ----

// Names of the configuration's scrape_protocols: "PrometheusText0.0.4", "OpenMetricsText1.0.0" …
std::string_view ScrapeProtocolName(ExpositionFormat format);
std::optional<ExpositionFormat> ParseScrapeProtocol(std::string_view name);
// The media type a fallback protocol stands for: "text/plain".
std::string_view MediaTypeOf(ExpositionFormat format);

// The Accept header for these protocols, best first: q falls by 0.1 from 0.6, "*/*" comes last, and
// the versions that know escaping carry it.
std::string BuildScrapeAccept(std::span<const ExpositionFormat> protocols, NameEscaping escaping);

// Which grammar a scraped body is parsed with; versions of one media type parse alike.
enum class ScrapeGrammar { kText, kOpenMetrics, kProtobuf };

struct ScrapeContent {
  ScrapeGrammar grammar = ScrapeGrammar::kText;
  std::string warning;  // why the fallback was used; empty when the answer was compliant
};

// The grammar for a response's Content-Type. A missing, malformed or unknown type is an error
// (in Prometheus 3's words) unless a fallback protocol is configured.
StatusOr<ScrapeContent> ParseScrapeContentType(std::string_view content_type,
                                               std::optional<ExpositionFormat> fallback);

}  // namespace narthex
