// Answers PromQL queries over samples from a file, as the HTTP API would.
//
//   promql_answers SAMPLES < QUERIES
//
// SAMPLES: one sample a line, series TAB milliseconds TAB value; "stale" is a value.
// QUERIES: instant TAB ms TAB expression, or range TAB start TAB end TAB step TAB expression.
// Prints one JSON object a line: {"data":{"resultType":…,"result":…},"notes":[…]} or
// {"error":…,"errorType":…}.

#include <cstdio>

#include "core/base/file.h"
#include "core/json/writer.h"
#include "core/strings/numbers.h"
#include "core/strings/quote.h"
#include "server/promql/engine/engine.h"
#include "server/promql/parser/parser.h"
#include "server/promql/testing/memory_storage.h"

namespace narthex::promql {
namespace {

Status Load(const std::string& path, MemoryStorage* storage) {
  NX_ASSIGN_OR_RETURN(const std::string text, ReadFile(path));
  for (std::string_view line : SplitString(text, '\n')) {
    if (line.empty()) continue;
    const auto fields = SplitString(line, '\t');
    if (fields.size() != 3) return InvalidArgument("bad line {}", line);
    NX_ASSIGN_OR_RETURN(const Labels labels, ParseMetric(fields[0]));
    const auto t = ParseInt(fields[1]);
    const auto v =
        fields[2] == "stale" ? std::optional(storage::StaleNaN()) : ParseFloat(fields[2]);
    if (!t || !v) return InvalidArgument("bad line {}", line);
    storage->Add(labels, *t, *v);
  }
  return OkStatus();
}

void WritePoint(JsonWriter& json, TimestampMs t, double v) {
  std::string text;
  AppendApiFloat(&text, v);
  json.BeginArray().Int(t).String(text).EndArray();
}

void WriteLabels(JsonWriter& json, const Labels& labels) {
  json.Key("metric").BeginObject();
  for (const Label& l : labels) json.Member(l.name, l.value);
  json.EndObject();
}

void WriteResult(JsonWriter& json, const QueryResult& r) {
  switch (r.type) {
    case ValueType::kScalar: return WritePoint(json, r.scalar.t, r.scalar.v);
    case ValueType::kString: json.String(r.string); return;
    case ValueType::kVector:
      json.BeginArray();
      for (const VectorSample& s : r.vector) {
        json.BeginObject();
        WriteLabels(json, s.metric);
        json.Key("value");
        WritePoint(json, s.t, s.v);
        json.EndObject();
      }
      json.EndArray();
      return;
    default:
      json.BeginArray();
      for (const Series& s : r.matrix) {
        json.BeginObject();
        WriteLabels(json, s.metric);
        json.Key("values").BeginArray();
        for (const Point& p : s.points) WritePoint(json, p.t, p.v);
        json.EndArray().EndObject();
      }
      json.EndArray();
  }
}

std::string Answer(const StatusOr<QueryResult>& result) {
  std::string out;
  JsonWriter json(&out);
  json.BeginObject();
  if (!result.ok()) {
    json.Member("error", MessageOf(result.status()));
    json.Member("errorType", ApiErrorType(result.status()));
  } else {
    json.Key("data").BeginObject();
    json.Member("resultType", ValueTypeName(result->type));
    json.Key("result");
    WriteResult(json, *result);
    json.EndObject();
    json.Key("notes").BeginArray();
    for (const auto& w : result->annotations.warnings) json.String(w);
    for (const auto& i : result->annotations.infos) json.String(i);
    json.EndArray();
  }
  json.EndObject();
  return out;
}

StatusOr<QueryResult> Ask(const Engine& engine, const MemoryStorage& storage,
                          std::string_view line) {
  const auto fields = SplitString(line, '\t');
  std::vector<int64_t> numbers;
  for (size_t i = 1; i + 1 < fields.size(); ++i) numbers.push_back(ParseInt(fields[i]).value_or(0));
  if (fields[0] == "instant" && numbers.size() == 1) {
    return engine.Instant(storage, fields.back(), numbers[0], {});
  }
  if (fields[0] == "range" && numbers.size() == 3) {
    return engine.Range(storage, fields.back(), numbers[0], numbers[1], numbers[2], {});
  }
  return InvalidArgument("bad query line");
}

int Main(int argc, char** argv) {
  if (argc != 2) {
    std::fputs("usage: promql_answers SAMPLES < QUERIES\n", stderr);
    return 2;
  }
  MemoryStorage storage;
  if (const Status status = Load(argv[1], &storage); !status.ok()) {
    std::fprintf(stderr, "%s\n", std::string(MessageOf(status)).c_str());
    return 1;
  }
  const Engine engine(EngineOptions{});
  char* line = nullptr;
  size_t capacity = 0;
  for (ssize_t n; (n = getline(&line, &capacity, stdin)) > 0;) {
    std::string_view text(line, static_cast<size_t>(n));
    if (text.ends_with('\n')) text.remove_suffix(1);
    std::puts(Answer(Ask(engine, storage, text)).c_str());
  }
  std::free(line);
  return 0;
}

}  // namespace
}  // namespace narthex::promql

int main(int argc, char** argv) { return narthex::promql::Main(argc, argv); }
