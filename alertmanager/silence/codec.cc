// Silences to and from MeshSilence messages.

#include "alertmanager/silence/silences.h"
#include "core/strings/quote.h"
#include "proto/silence.pb.h"

namespace narthex::am {
namespace {

void SetTime(google::protobuf::Timestamp* out, int64_t nanos) {
  int64_t seconds = nanos / 1'000'000'000, rest = nanos % 1'000'000'000;
  if (rest < 0) {
    --seconds;
    rest += 1'000'000'000;
  }
  out->set_seconds(seconds);
  out->set_nanos(static_cast<int32_t>(rest));
}

int64_t GetTime(const google::protobuf::Timestamp& time) {
  return time.seconds() * 1'000'000'000 + time.nanos();
}

silencepb::Matcher::Type ToProto(MatchType type) {
  switch (type) {
    case MatchType::kEqual: return silencepb::Matcher::EQUAL;
    case MatchType::kNotEqual: return silencepb::Matcher::NOT_EQUAL;
    case MatchType::kRegex: return silencepb::Matcher::REGEXP;
    case MatchType::kNotRegex: return silencepb::Matcher::NOT_REGEXP;
  }
  return silencepb::Matcher::EQUAL;
}

MatchType FromProto(silencepb::Matcher::Type type) {
  switch (type) {
    case silencepb::Matcher::NOT_EQUAL: return MatchType::kNotEqual;
    case silencepb::Matcher::REGEXP: return MatchType::kRegex;
    case silencepb::Matcher::NOT_REGEXP: return MatchType::kNotRegex;
    default: return MatchType::kEqual;
  }
}

void Fill(const Matcher& matcher, silencepb::Matcher* out) {
  out->set_type(ToProto(matcher.type()));
  out->set_name(matcher.name());
  out->set_pattern(matcher.value());
}

}  // namespace

std::string EncodeSilence(const Silence& silence, int64_t expires_at) {
  silencepb::MeshSilence mesh;
  silencepb::Silence* out = mesh.mutable_silence();
  out->set_id(silence.id);
  silencepb::MatcherSet* set = out->add_matcher_sets();
  for (const Matcher& matcher : silence.matchers) {
    Fill(matcher, out->add_matchers());
    Fill(matcher, set->add_matchers());
  }
  SetTime(out->mutable_starts_at(), silence.starts_at);
  SetTime(out->mutable_ends_at(), silence.ends_at);
  SetTime(out->mutable_updated_at(), silence.updated_at);
  out->set_created_by(silence.created_by);
  out->set_comment(silence.comment);
  for (const auto& [name, value] : silence.annotations) (*out->mutable_annotations())[name] = value;
  SetTime(mesh.mutable_expires_at(), expires_at);
  return mesh.SerializeAsString();
}

StatusOr<Silence> DecodeSilence(std::string_view bytes) {
  silencepb::MeshSilence mesh;
  if (!mesh.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return DataLoss("silence does not decode");
  }
  const silencepb::Silence& in = mesh.silence();
  if (in.matcher_sets_size() > 1) {
    return Unimplemented("silence {} has several matcher sets", in.id());
  }
  Silence silence;
  silence.id = in.id();
  const auto& matchers =
      in.matcher_sets_size() == 1 ? in.matcher_sets(0).matchers() : in.matchers();
  for (const silencepb::Matcher& matcher : matchers) {
    NX_ASSIGN_OR_RETURN(Matcher parsed, Matcher::Create(FromProto(matcher.type()), matcher.name(),
                                                        matcher.pattern()));
    silence.matchers.push_back(std::move(parsed));
  }
  silence.starts_at = GetTime(in.starts_at());
  silence.ends_at = GetTime(in.ends_at());
  silence.updated_at = GetTime(in.updated_at());
  silence.created_by = in.created_by();
  silence.comment = in.comment();
  // Files of old versions keep who and why in a list.
  if (in.comments_size() > 0 && silence.comment.empty()) {
    silence.created_by = in.comments(0).author();
    silence.comment = in.comments(0).comment();
  }
  for (const auto& [name, value] : in.annotations()) silence.annotations.emplace_back(name, value);
  std::sort(silence.annotations.begin(), silence.annotations.end());
  return silence;
}

Status ValidateSilence(const Silence& silence) {
  constexpr std::string_view kPrefix = "invalid silence: ";
  if (silence.matchers.empty()) {
    return InvalidArgument("{}at least one matcher required", kPrefix);
  }
  bool all_match_empty = true;
  for (size_t i = 0; i < silence.matchers.size(); ++i) {
    const Matcher& matcher = silence.matchers[i];
    if (!IsValidLabelNameInMode(matcher.name())) {
      return InvalidArgument("{}matcher set 0: invalid label matcher {}: invalid label name {}",
                             kPrefix, i, GoQuote(matcher.name()));
    }
    all_match_empty = all_match_empty && matcher.Matches(std::string_view());
  }
  if (all_match_empty) {
    return InvalidArgument("{}matcher set 0: at least one matcher must not match the empty string",
                           kPrefix);
  }
  if (silence.ends_at < silence.starts_at) {
    return InvalidArgument("{}end time must not be before start time", kPrefix);
  }
  return OkStatus();
}

}  // namespace narthex::am
