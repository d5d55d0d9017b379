#include "server/remote/read_message.h"

#include "core/exposition/pb_reader.h"
#include "server/remote/message_shape.h"

namespace narthex::remote {
namespace {

using Kind = FieldShape::Kind;

constexpr FieldShape kMatcherFields[] = {
    {1, Kind::kVarint, "Type"}, {2, Kind::kBytes, "Name"}, {3, Kind::kBytes, "Value"}};
constexpr MessageShape kMatcher{"LabelMatcher", kMatcherFields};
constexpr FieldShape kHintsFields[] = {{1, Kind::kVarint, "StepMs"},  {2, Kind::kBytes, "Func"},
                                       {3, Kind::kVarint, "StartMs"}, {4, Kind::kVarint, "EndMs"},
                                       {5, Kind::kBytes, "Grouping"}, {6, Kind::kVarint, "By"},
                                       {7, Kind::kVarint, "RangeMs"}};
constexpr MessageShape kHints{"ReadHints", kHintsFields};
constexpr FieldShape kQueryFields[] = {{1, Kind::kVarint, "StartTimestampMs"},
                                       {2, Kind::kVarint, "EndTimestampMs"},
                                       {3, Kind::kMessage, "Matchers", &kMatcher},
                                       {4, Kind::kMessage, "Hints", &kHints}};
constexpr MessageShape kQuery{"Query", kQueryFields};
constexpr FieldShape kReadRequestFields[] = {{1, Kind::kMessage, "Queries", &kQuery},
                                             {2, Kind::kVarints, "AcceptedResponseTypes"}};
constexpr MessageShape kReadRequest{"ReadRequest", kReadRequestFields};

// Far above what people and dashboards ask for; keeps one message from growing in memory.
constexpr size_t kMaxMatchers = 10'000;
constexpr size_t kMaxTypesShown = 100;

StatusOr<Matcher> ReadMatcher(std::string_view message, const Labels& external) {
  int32_t type = 0;
  std::string_view name, value;
  for (PbReader r(message); r.Next();) {
    if (r.field() == 1) type = static_cast<int32_t>(r.Int64());
    if (r.field() == 2) name = r.Bytes();
    if (r.field() == 3) value = r.Bytes();
  }
  switch (type) {
    case 0:
      if (external.Get(name) == value) value = {};
      return Matcher::Equal(std::string(name), std::string(value));
    case 1: return Matcher::Create(MatchType::kNotEqual, std::string(name), std::string(value));
    case 2: return Matcher::Create(MatchType::kRegex, std::string(name), std::string(value));
    case 3: return Matcher::Create(MatchType::kNotRegex, std::string(name), std::string(value));
    default: return InvalidArgument("invalid matcher type");
  }
}

// An absent field counts as zero here, also the bounds of the range: so upstream takes it.
// Hints that come in several pieces are one, as protobuf has it.
void ReadHints(std::string_view message, storage::SelectHints* hints) {
  for (PbReader r(message); r.Next();) {
    switch (r.field()) {
      case 1: hints->step_ms = r.Int64(); break;
      case 2: hints->function = r.Bytes(); break;
      case 3: hints->start = r.Int64(); break;
      case 4: hints->end = r.Int64(); break;
      case 5:
        if (hints->grouping.size() < kMaxMatchers) hints->grouping.emplace_back(r.Bytes());
        break;
      case 6: hints->by = r.Uint64() != 0; break;
      case 7: hints->range_ms = r.Int64(); break;
      default: break;
    }
  }
}

}  // namespace

Status CheckReadRequest(std::string_view message) { return CheckMessage(message, kReadRequest); }

StatusOr<ReadResponseType> NegotiateResponseType(std::string_view message) {
  std::optional<ReadResponseType> found;
  std::string unknown;
  size_t asked = 0;
  for (PbReader r(message); r.Next();) {
    if (r.field() != 2) continue;
    r.EachUint64([&](uint64_t number) {
      const auto type = static_cast<int32_t>(number);
      ++asked;
      if (found.has_value()) return;
      if (type == 0) found = ReadResponseType::kSamples;
      if (type == 1) found = ReadResponseType::kChunks;
      if (asked <= kMaxTypesShown) unknown += fmt::format("{}{}", asked > 1 ? " " : "", type);
    });
  }
  if (found.has_value()) return *found;
  if (asked == 0) return ReadResponseType::kSamples;
  return InvalidArgument(
      "server does not support any of the requested response types: [{}]; supported: "
      "map[SAMPLES:{{}} STREAMED_XOR_CHUNKS:{{}}]",
      unknown);
}

StatusOr<ReadQuery> ReadOneQuery(std::string_view query, const Labels& external) {
  ReadQuery out;
  bool hinted = false;
  for (PbReader r(query); r.Next();) {
    switch (r.field()) {
      case 1: out.start = r.Int64(); break;
      case 2: out.end = r.Int64(); break;
      case 3: {
        if (out.matchers.size() == kMaxMatchers) return InvalidArgument("too many matchers");
        NX_ASSIGN_OR_RETURN(Matcher matcher, ReadMatcher(r.Bytes(), external));
        out.matchers.push_back(std::move(matcher));
        break;
      }
      case 4:
        ReadHints(r.Bytes(), &out.hints);
        hinted = true;
        break;
      default: break;
    }
  }
  if (!hinted) {
    out.hints.start = out.start;
    out.hints.end = out.end;
  }
  return out;
}

void ForEachQuery(std::string_view message, const std::function<bool(std::string_view query)>& f) {
  for (PbReader r(message); r.Next();) {
    if (r.field() == 1 && !f(r.Bytes())) return;
  }
}

}  // namespace narthex::remote
