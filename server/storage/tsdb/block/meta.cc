#include "server/storage/tsdb/block/meta.h"

#include <algorithm>

#include "core/base/file.h"
#include "core/json/reader.h"
#include "core/json/writer.h"

namespace narthex::tsdb {
namespace {

constexpr int kVersion = 1;
constexpr size_t kMaxBytes = 64 << 20;  // a long history of sources and parents

// One member a line, indented with tabs, as Go's json.MarshalIndent writes it.
class Indented {
 public:
  explicit Indented(std::string* out) : out_(out) {}

  void Open(std::string_view key, char bracket) {
    Begin(key);
    out_->push_back(bracket);
    ++depth_;
    first_ = true;
  }
  void Close(char bracket) {
    --depth_;
    NewLine();
    out_->push_back(bracket);
    first_ = false;
  }
  void String(std::string_view key, std::string_view value) {
    Begin(key);
    AppendJsonString(out_, value);
  }
  template <typename T>
  void Value(std::string_view key, T value) {
    Begin(key);
    *out_ += fmt::to_string(value);
  }
  template <typename T>
  void ValueUnlessZero(std::string_view key, T value) {
    if (value != T{}) Value(key, value);
  }

 private:
  void Begin(std::string_view key) {
    if (depth_ > 0) {
      if (!first_) out_->push_back(',');
      NewLine();
    }
    first_ = false;
    if (key.empty()) return;
    AppendJsonString(out_, key);
    *out_ += ": ";
  }
  void NewLine() {
    out_->push_back('\n');
    out_->append(depth_, '\t');
  }
  std::string* out_;
  size_t depth_ = 0;
  bool first_ = true;
};

void FormatStats(const BlockStats& stats, Indented* json) {
  if (stats == BlockStats{}) {
    json->Value("stats", "{}");
    return;
  }
  json->Open("stats", '{');
  json->ValueUnlessZero("numSamples", stats.samples);
  json->ValueUnlessZero("numFloatSamples", stats.float_samples);
  json->ValueUnlessZero("numHistogramSamples", stats.histogram_samples);
  json->ValueUnlessZero("numSeries", stats.series);
  json->ValueUnlessZero("numChunks", stats.chunks);
  json->ValueUnlessZero("numTombstones", stats.tombstones);
  json->Close('}');
}

void FormatCompaction(const BlockCompaction& compaction, Indented* json) {
  json->Open("compaction", '{');
  json->Value("level", compaction.level);
  if (!compaction.sources.empty()) {
    json->Open("sources", '[');
    for (const Ulid& source : compaction.sources) json->String("", source.ToString());
    json->Close(']');
  }
  if (compaction.deletable) json->Value("deletable", true);
  if (!compaction.parents.empty()) {
    json->Open("parents", '[');
    for (const BlockDescription& parent : compaction.parents) {
      json->Open("", '{');
      json->String("ulid", parent.ulid.ToString());
      json->Value("minTime", parent.min_time);
      json->Value("maxTime", parent.max_time);
      json->Close('}');
    }
    json->Close(']');
  }
  if (compaction.failed) json->Value("failed", true);
  if (!compaction.hints.empty()) {
    json->Open("hints", '[');
    for (const std::string& hint : compaction.hints) json->String("", hint);
    json->Close(']');
  }
  json->Close('}');
}

StatusOr<Ulid> ParseUlid(const JsonValue& value) {
  const std::optional<Ulid> ulid = Ulid::Parse(value.AsString());
  if (!ulid) return DataLoss("\"{}\" is no ULID", value.AsString());
  return *ulid;
}

uint64_t Count(const JsonValue& value) {
  return static_cast<uint64_t>(std::max<int64_t>(value.AsInt(), 0));
}

Status ParseCompaction(const JsonValue& json, BlockCompaction* out) {
  const int64_t level = json["level"].AsInt();
  if (level < 0 || level > INT32_MAX) return DataLoss("compaction level {}", level);
  out->level = static_cast<int>(level);
  out->deletable = json["deletable"].AsBool();
  out->failed = json["failed"].AsBool();
  for (const JsonValue& source : json["sources"].items()) {
    NX_ASSIGN_OR_RETURN(const Ulid ulid, ParseUlid(source));
    out->sources.push_back(ulid);
  }
  for (const JsonValue& parent : json["parents"].items()) {
    NX_ASSIGN_OR_RETURN(const Ulid ulid, ParseUlid(parent["ulid"]));
    out->parents.push_back({ulid, parent["minTime"].AsInt(), parent["maxTime"].AsInt()});
  }
  for (const JsonValue& hint : json["hints"].items()) out->hints.push_back(hint.AsString());
  return OkStatus();
}

}  // namespace

bool BlockCompaction::HasHint(std::string_view hint) const {
  return std::find(hints.begin(), hints.end(), hint) != hints.end();
}

void BlockCompaction::AddHint(std::string_view hint) {
  if (!HasHint(hint)) hints.emplace_back(hint);
}

std::string FormatMeta(const BlockMeta& meta) {
  std::string out;
  Indented json(&out);
  json.Open("", '{');
  json.String("ulid", meta.ulid.ToString());
  json.Value("minTime", meta.min_time);
  json.Value("maxTime", meta.max_time);
  FormatStats(meta.stats, &json);
  FormatCompaction(meta.compaction, &json);
  json.Value("version", kVersion);
  json.Close('}');
  return out;
}

StatusOr<BlockMeta> ParseMeta(std::string_view text) {
  NX_ASSIGN_OR_RETURN(const JsonValue json, ParseJson(text, {.max_bytes = kMaxBytes}));
  if (!json.is_object()) return DataLoss("it is no JSON object");
  const int64_t version = json["version"].AsInt();
  if (version != kVersion) return DataLoss("unexpected meta file version {}", version);
  BlockMeta meta;
  NX_ASSIGN_OR_RETURN(meta.ulid, ParseUlid(json["ulid"]));
  meta.min_time = json["minTime"].AsInt();
  meta.max_time = json["maxTime"].AsInt();
  const JsonValue& stats = json["stats"];
  meta.stats = {Count(stats["numSamples"]),          Count(stats["numFloatSamples"]),
                Count(stats["numHistogramSamples"]), Count(stats["numSeries"]),
                Count(stats["numChunks"]),           Count(stats["numTombstones"])};
  NX_RETURN_IF_ERROR(ParseCompaction(json["compaction"], &meta.compaction));
  return meta;
}

StatusOr<BlockMeta> ReadMetaFile(const std::string& block_dir) {
  const std::string path = JoinPath(block_dir, kMetaFile);
  NX_ASSIGN_OR_RETURN(const std::string text, ReadFile(path, kMaxBytes));
  StatusOr<BlockMeta> meta = ParseMeta(text);
  if (!meta.ok()) return Annotate(meta.status(), path);
  return meta;
}

Status WriteMetaFile(const std::string& block_dir, const BlockMeta& meta) {
  return WriteFileAtomically(JoinPath(block_dir, kMetaFile), FormatMeta(meta));
}

}  // namespace narthex::tsdb
