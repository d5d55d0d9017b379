// How fast scrapes parse: bodies of real exporters and a synthetic one with ten labels a series,
// cold (empty table), steady (everything predicted, a third of the values changed) and in between.
// Gates: predicted >= 1 GB/s, cold >= 300 MB/s on one core, float parsing included.
#include <benchmark/benchmark.h>

#include "core/base/check.h"
#include "core/base/file.h"
#include "core/exposition/families.h"
#include "core/exposition/scrape.h"
#include "core/exposition/writer.h"

namespace narthex {
namespace {

class CountingSink : public ScrapeSink {
 public:
  StatusOr<uint32_t> OnSeries(const Labels& labels) override {
    benchmark::DoNotOptimize(labels.flat().data());
    return next_++;
  }

 private:
  uint32_t next_ = 0;
};

std::string Synthetic(int series, int change) {
  std::string body;
  for (int i = 0; i < series; ++i) {
    if (i % 100 == 0) {
      body += fmt::format(
          "# HELP app_requests_{0}_total Requests.\n# TYPE app_requests_{0}_total counter\n",
          i / 100);
    }
    body += fmt::format(
        "app_requests_{}_total{{cluster=\"eu-west-1\",namespace=\"shop\",pod=\"checkout-{:05}\","
        "container=\"app\",endpoint=\"http\",service=\"checkout\",method=\"GET\",code=\"200\","
        "path=\"/api/v1/items/{}\",version=\"1.2.3\"}} {}\n",
        i / 100, i % 100, i, i % 3 == 0 ? i * 1000 + change : i);
  }
  return body;
}

std::string BodyOf(int64_t which, int change) {
  if (which == 2) return Synthetic(1000, change);
  const char* name = which == 0 ? "node_exporter.prom" : "prometheus.prom";
  auto body = ReadFile(std::string(NARTHEX_TESTDATA) + "/" + name);
  NX_CHECK(body.ok());
  // Other digits where a value ends in one, in a third of the lines.
  for (size_t at = 0, line = 0; at < body->size(); ++at) {
    if ((*body)[at] != '\n' || at == 0 || ++line % 3 != 0) continue;
    char& digit = (*body)[at - 1];
    if (digit >= '0' && digit <= '9') digit = static_cast<char>('0' + (digit - '0' + change) % 10);
  }
  return *body;
}

void Report(benchmark::State& state, size_t bytes, const ScrapeResult& result) {
  static const char* const kNames[] = {"node_exporter", "prometheus", "ten_labels"};
  state.SetLabel(kNames[state.range(0)]);
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(bytes));
  state.counters["ns/sample"] = benchmark::Counter(
      static_cast<double>(result.scraped),
      benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
}

void BM_Predicted(benchmark::State& state) {
  std::string bodies[] = {BodyOf(state.range(0), 0), BodyOf(state.range(0), 1)};
  ScrapeTable table(1);
  CountingSink sink;
  ScrapeResult result;
  NX_CHECK(ParseScrape(bodies[0], {}, &table, &sink, &result).ok());
  size_t turn = 0;
  for (auto _ : state) {
    (void)ParseScrape(bodies[++turn % 2], {}, &table, &sink, &result);
    benchmark::DoNotOptimize(result.samples.data());
  }
  NX_CHECK(result.found == 0 && result.added == 0);
  state.counters["table B/sample"] =
      static_cast<double>(table.memory_bytes()) / static_cast<double>(result.scraped);
  Report(state, bodies[0].size(), result);
}
BENCHMARK(BM_Predicted)->DenseRange(0, 2);

void BM_Cold(benchmark::State& state) {
  std::string body = BodyOf(state.range(0), 0);
  CountingSink sink;
  ScrapeResult result;
  for (auto _ : state) {
    ScrapeTable table(1);
    (void)ParseScrape(body, {}, &table, &sink, &result);
    benchmark::DoNotOptimize(result.samples.data());
  }
  Report(state, body.size(), result);
}
BENCHMARK(BM_Cold)->DenseRange(0, 2);

// Lines of the second half in front of those of the first: nothing is where it was.
void BM_Reordered(benchmark::State& state) {
  std::string body = BodyOf(state.range(0), 0);
  size_t half = body.find('\n', body.size() / 2) + 1;
  std::string bodies[] = {body, body.substr(half) + body.substr(0, half)};
  ScrapeTable table(1);
  CountingSink sink;
  ScrapeResult result;
  size_t turn = 0;
  for (auto _ : state) (void)ParseScrape(bodies[++turn % 2], {}, &table, &sink, &result);
  Report(state, body.size(), result);
}
BENCHMARK(BM_Reordered)->DenseRange(0, 2);

// The full parser alone: what every scrape would cost without a table.
void BM_Reader(benchmark::State& state) {
  std::string body = BodyOf(state.range(0), 0);
  ScrapeResult result;
  for (auto _ : state) {
    TextReader reader(body, TextDialect::kText);
    result.scraped = 0;
    for (auto entry = reader.Next(); *entry != TextReader::Entry::kEnd; entry = reader.Next()) {
      if (*entry != TextReader::Entry::kSeries) continue;
      ++result.scraped;
      benchmark::DoNotOptimize(reader.DecodeLabels()->flat().data());
    }
  }
  Report(state, body.size(), result);
}
BENCHMARK(BM_Reader)->DenseRange(0, 2);

void BM_Families(benchmark::State& state) {
  std::string body = BodyOf(state.range(0), 0);
  for (auto _ : state) benchmark::DoNotOptimize(ParseTextFamilies(body)->data());
  Report(state, body.size(), {});
}
BENCHMARK(BM_Families)->DenseRange(0, 2);

void BM_WriteText(benchmark::State& state) {
  auto families = ParseTextFamilies(BodyOf(state.range(0), 0));
  NX_CHECK(families.ok());
  size_t bytes = 0;
  for (auto _ : state) {
    std::string out = WriteFamilies(*families, {});
    bytes = out.size();
    benchmark::DoNotOptimize(out.data());
  }
  Report(state, bytes, {});
}
BENCHMARK(BM_WriteText)->DenseRange(0, 2);

}  // namespace
}  // namespace narthex
