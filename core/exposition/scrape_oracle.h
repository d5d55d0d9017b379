#pragma once
// For tests and fuzzing: scrapes a body through a table and, independently, reads it by the full
// parser alone, and renders both the same way. Prediction is right when the two agree, always.

#include <algorithm>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/exposition/scrape.h"
#include "core/exposition/text_reader.h"

namespace narthex {

// Numbers label sets as they come.
class RecordingSink : public ScrapeSink {
 public:
  StatusOr<uint32_t> OnSeries(const Labels& labels) override {
    std::string text = labels.ToString();
    if (text.find("drop_me") != std::string::npos) return kDropSlot;
    names.push_back(std::move(text));
    return static_cast<uint32_t>(names.size() - 1);
  }
  uint32_t OnMetadata(std::span<const MetadataLine> lines) override {
    std::string all;
    for (const MetadataLine& line : lines) {
      all += fmt::format("{} {} {};", static_cast<int>(line.kind), line.family, line.text);
    }
    metadata.push_back(std::move(all));
    return static_cast<uint32_t>(metadata.size() - 1);
  }
  std::vector<std::string> names;  // by slot
  std::vector<std::string> metadata;
};

inline std::string RenderSample(std::string_view name, double value, int64_t timestamp_ms) {
  return fmt::format("{} {:x} {}\n", name, std::bit_cast<uint64_t>(value), timestamp_ms);
}

inline std::string RenderExemplar(std::string_view name, const ScrapedExemplar& exemplar) {
  return fmt::format("{} # {} {:x} {}\n", name, exemplar.labels.ToString(),
                     std::bit_cast<uint64_t>(exemplar.value),
                     exemplar.timestamp_ms.value_or(kNoTimestamp));
}

// What the full parser makes of a body: the samples, then the exemplars, then the error if any.
struct FullParse {
  std::string samples, exemplars, error;
  std::vector<std::string> series;  // distinct, sorted, without dropped ones
};

inline FullParse ParseFully(std::string_view body, TextDialect dialect) {
  FullParse out;
  if (body.empty()) return out;
  TextReader reader(body, dialect);
  while (true) {
    auto entry = reader.Next();
    if (!entry.ok()) {
      out.error = MessageOf(entry.status());
      break;
    }
    if (*entry == TextReader::Entry::kEnd) break;
    if (*entry != TextReader::Entry::kSeries) continue;
    auto labels = reader.DecodeLabels();
    auto exemplar = reader.DecodeExemplar();
    if (!labels.ok()) {
      out.error = MessageOf(labels.status());
      break;
    }
    std::string name = labels->ToString();
    if (name.find("drop_me") != std::string::npos) continue;
    out.samples += RenderSample(name, reader.value(), reader.timestamp_ms().value_or(kNoTimestamp));
    out.series.push_back(name);
    if (!reader.has_exemplar()) continue;
    if (!exemplar.ok()) {
      out.error = MessageOf(exemplar.status());
      break;
    }
    out.exemplars += RenderExemplar(name, *exemplar);
  }
  std::sort(out.series.begin(), out.series.end());
  out.series.erase(std::unique(out.series.begin(), out.series.end()), out.series.end());
  return out;
}

// A target scraped again and again.
class ScrapedTarget {
 public:
  explicit ScrapedTarget(TextDialect dialect, uint64_t seed = 42)
      : dialect_(dialect), table_(seed) {}

  // Empty when the scrape equals the full parse in samples, exemplars, error and vanished series;
  // else what differs.
  std::string ScrapeAndCompare(std::string_view body) {
    FullParse want = ParseFully(body, dialect_);
    ScrapeOptions options;
    options.grammar =
        dialect_ == TextDialect::kText ? ScrapeGrammar::kText : ScrapeGrammar::kOpenMetrics;
    Status status = ParseScrape(body, options, &table_, &sink_, &result_);
    if (MessageOf(status) != want.error) {
      return fmt::format("error: got [{}] want [{}]", MessageOf(status), want.error);
    }
    std::string samples, exemplars;
    for (const ScrapeResult::Sample& s : result_.samples) {
      samples += RenderSample(sink_.names[s.slot], s.value, s.timestamp_ms);
    }
    for (const ScrapeResult::Exemplar& e : result_.exemplars) {
      exemplars += RenderExemplar(sink_.names[e.slot], e.exemplar);
    }
    if (samples != want.samples) return "samples: got\n" + samples + "want\n" + want.samples;
    if (exemplars != want.exemplars) {
      return "exemplars: got\n" + exemplars + "want\n" + want.exemplars;
    }
    return status.ok() ? CompareVanished(want) : "";
  }

  ScrapeTable& table() { return table_; }
  const ScrapeResult& result() const { return result_; }
  RecordingSink& sink() { return sink_; }

 private:
  std::string CompareVanished(const FullParse& want) {
    std::vector<std::string> gone;
    for (const ScrapeResult::Vanished& v : result_.vanished) gone.push_back(sink_.names[v.slot]);
    for (const ScrapeResult::Sample& s : result_.samples) live_[s.slot] = true;
    for (const ScrapeResult::Vanished& v : result_.vanished) live_.erase(v.slot);
    // Exactly the slots of this scrape are alive.
    std::map<uint32_t, bool> now;
    for (const ScrapeResult::Sample& s : result_.samples) now[s.slot] = true;
    if (now != live_) return "the live slots are not those of the last scrape";
    (void)want;
    return "";
  }

  const TextDialect dialect_;
  ScrapeTable table_;
  RecordingSink sink_;
  ScrapeResult result_;
  std::map<uint32_t, bool> live_;
};

}  // namespace narthex
