// A text body against the table: runs along the predictions as far as they hold (Predict), reads
// one entry by the full parser where they do not (ReadOne), and so on.
//
// Why a prediction may be trusted: the full parser, given the text of an entry and a blank behind
// it, ends the series exactly there, because a name ends at a blank and a label set at its brace.
// What it makes of the text depends on nothing but the text and the TYPE in effect, which is part
// of the hash. Only a value that is plainly a number, followed by LF (or an integer timestamp and
// LF), is taken here; all else is the full parser's business.
#include "core/exposition/scrape_text.h"

#include <algorithm>
#include <deque>

#include "core/exposition/number.h"
#include "core/exposition/plain_line.h"
#include "core/exposition/start_finder.h"
#include "core/exposition/text_reader.h"
#include "core/exposition/type_unit_labels.h"

namespace narthex {
namespace {

// Comment runs are cut at this length, so that a changed line costs little.
constexpr size_t kMaxCommentRun = 64 * 1024;
constexpr std::string_view kEofLine = "# EOF";

TextLimits Bounded(TextLimits limits) {
  limits.max_series_bytes = std::min<size_t>(limits.max_series_bytes, ScrapeEntry::kMaxLength);
  return limits;
}

class TextScrape {
 public:
  TextScrape(std::string_view body, const ScrapeOptions& options, ScrapeTable::Impl* table,
             ScrapeWalk* walk, ScrapeSink* sink, ScrapeResult* result)
      : body_(body),
        dialect_(options.grammar == ScrapeGrammar::kOpenMetrics ? TextDialect::kOpenMetrics
                                                                : TextDialect::kText),
        reader_(body, dialect_, Bounded(options.limits)),
        plain_(body, dialect_, Bounded(options.limits)),
        labelled_(options.type_and_unit_labels),
        table_(table),
        walk_(walk),
        sink_(sink),
        result_(result) {
    if (options.starts && dialect_ == TextDialect::kOpenMetrics) starts_.emplace(result);
  }

  Status Run() {
    if (body_.size() > TextReader::kMaxBody) {
      return ResourceExhausted("body larger than {} bytes", TextReader::kMaxBody);
    }
    constexpr size_t kTypicalLine = 100;
    walk_->Expect(body_.size() / kTypicalLine);
    bool end = false;
    while (!end) {
      if (!starts_) NX_RETURN_IF_ERROR(Predict());
      NX_RETURN_IF_ERROR(ReadOne(&end));
    }
    return OkStatus();
  }

 private:
  // Takes entries as long as they are the predicted ones.
  Status Predict();
  bool PredictSeries(ScrapeEntry* entry);
  Status PredictSuffix(ScrapeEntry* entry);

  // One entry, or one run of comments, by the full parser.
  Status ReadOne(bool* end);
  bool AtComment() const;
  Status ReadComments();
  Status ReadCommentLine(uint32_t* flags);
  Status TakePlainSeries();
  Status TakeSeries();
  StatusOr<uint32_t> Place(Labels labels);
  StatusOr<std::string_view> Unit();
  Status EmitRead(ScrapeEntry* entry, bool repeated);

  void ApplyType(const ScrapeEntry& entry) {
    if ((entry.bits & ScrapeEntry::kSetsType) == 0) return;
    type_ =
        static_cast<ScrapedType>((entry.bits & ScrapeEntry::kTypeMask) >> ScrapeEntry::kTypeShift);
  }

  const std::string_view body_;
  const TextDialect dialect_;
  TextReader reader_;
  PlainLines plain_;
  const bool labelled_;                  // with type and unit
  std::vector<std::string_view> empty_;  // labels without value of the series at hand
  ScrapeTable::Impl* table_;
  ScrapeWalk* walk_;
  ScrapeSink* sink_;
  ScrapeResult* result_;
  size_t at_ = 0;  // where the next entry begins
  ScrapedType type_ = ScrapedType::kUnknown;
  std::optional<StartFinder> starts_;  // then every series goes by the full parser
  // The last UNIT line of the body up to unit_end_, for labelled series.
  std::string_view unit_;
  size_t unit_end_ = 0;
  // Of the run of comments being read.
  std::vector<MetadataLine> lines_;
  std::deque<std::string> unescaped_;
};

Status TextScrape::Predict() {
  while (ScrapeEntry* entry = walk_->predicted()) {
    if (at_ >= body_.size()) return OkStatus();
    const char* p = body_.data() + at_;
    if (*p == '\n' && dialect_ == TextDialect::kText) {
      ++at_;
      continue;
    }
    if (entry->is_comment()) {
      if (!walk_->CommentAt(*entry, body_.substr(at_))) return OkStatus();
      walk_->TakePredicted(entry);
      ApplyType(*entry);
      at_ += entry->length();
      continue;
    }
    const size_t length = entry->length();
    if (body_.size() - at_ <= length || p[length] != ' ') return OkStatus();
    if (table_->Hash(p, length, ScrapeTable::Impl::ContextOf(type_)) != entry->hash) {
      return OkStatus();
    }
    if (!PredictSeries(entry)) NX_RETURN_IF_ERROR(PredictSuffix(entry));
  }
  return OkStatus();
}

// The predicted series stands at at_; takes it when its value is plain.
inline bool TextScrape::PredictSeries(ScrapeEntry* entry) {
  const char* end = body_.data() + body_.size();
  double value = 0;
  int64_t ms = kNoTimestamp;
  const char* p = ParsePlainFloat(body_.data() + at_ + entry->length() + 1, end, &value);
  // OpenMetrics' seconds are left to the full parser.
  if (p != nullptr && p != end && *p == ' ' && dialect_ == TextDialect::kText) {
    p = ParsePlainMilliseconds(p + 1, end, &ms);
  }
  if (p == nullptr || p == end || *p != '\n') return false;
  at_ = static_cast<size_t>(p - body_.data()) + 1;
  walk_->TakePredicted(entry);
  walk_->Emit(entry, value, ms);
  return true;
}

// What follows the series is not plain (NaN, an exemplar, trailing blanks) or not well-formed. The
// full parser says which, and how far the series really goes.
Status TextScrape::PredictSuffix(ScrapeEntry* entry) {
  // More than one blank may hide a brace, and with it a longer series.
  const size_t behind = at_ + entry->length() + 1;
  if (behind < body_.size() &&
      (body_[behind] == ' ' || body_[behind] == '\t' || body_[behind] == '{')) {
    bool end = false;
    return ReadOne(&end);
  }
  NX_RETURN_IF_ERROR(reader_.ReadSuffix(at_, at_ + entry->length()));
  at_ = reader_.position();
  walk_->TakePredicted(entry);
  return EmitRead(entry, false);
}

bool TextScrape::AtComment() const {
  size_t at = at_;
  if (dialect_ == TextDialect::kText) {
    while (at < body_.size() && (body_[at] == ' ' || body_[at] == '\t')) ++at;
    return at < body_.size() && body_[at] == '#';
  }
  return at < body_.size() && body_[at] == '#' && body_.substr(at, kEofLine.size()) != kEofLine;
}

Status TextScrape::ReadOne(bool* end) {
  while (dialect_ == TextDialect::kText && at_ < body_.size() && body_[at_] == '\n') ++at_;
  if (AtComment()) return ReadComments();
  if (!starts_ && plain_.Read(at_)) return TakePlainSeries();
  reader_.Seek(at_, type_);
  NX_ASSIGN_OR_RETURN(TextReader::Entry kind, reader_.Next());
  at_ = reader_.position();
  if (kind == TextReader::Entry::kSeries) return TakeSeries();
  type_ = reader_.type();  // a comment behind blank lines that hold blanks
  *end = kind == TextReader::Entry::kEnd;
  return OkStatus();
}

Status TextScrape::TakePlainSeries() {
  at_ = plain_.end();
  const std::string_view text = plain_.series();
  const uint64_t hash = table_->Hash(text.data(), text.size(), ScrapeTable::Impl::ContextOf(type_));
  bool repeated = false;
  ScrapeEntry* entry = walk_->Find(hash, text.size(), false, &repeated);
  if (entry == nullptr) {
    plain_.EmptyLabels(&empty_);
    NX_ASSIGN_OR_RETURN(uint32_t slot, Place(plain_.DecodeLabels(type_)));
    entry = walk_->Add(hash, text.size(), slot, 0);
  }
  walk_->Emit(entry, plain_.value(), plain_.timestamp_ms(), repeated);
  return OkStatus();
}

Status TextScrape::TakeSeries() {
  if (starts_ && StartFinder::IsCreatedLine(type_, reader_.raw_name())) {
    starts_->TakeCreatedLine(reader_);
    return OkStatus();
  }
  std::string_view text = reader_.series();
  const uint64_t hash = table_->Hash(text.data(), text.size(), ScrapeTable::Impl::ContextOf(type_));
  bool repeated = false;
  if (ScrapeEntry* entry = walk_->Find(hash, text.size(), false, &repeated)) {
    return EmitRead(entry, repeated);
  }
  StatusOr<Labels> labels = reader_.DecodeLabels();
  if (!labels.ok()) {
    ++result_->scraped;
    return labels.status();
  }
  reader_.EmptyLabels(&empty_);
  NX_ASSIGN_OR_RETURN(uint32_t slot, Place(*std::move(labels)));
  return EmitRead(walk_->Add(hash, text.size(), slot, 0), false);
}

// Shows a new series, whose labels without value are in empty_, to the sink.
StatusOr<uint32_t> TextScrape::Place(Labels labels) {
  if (labelled_) {
    NX_ASSIGN_OR_RETURN(const std::string_view unit, Unit());
    labels = WithTypeAndUnit(labels, type_, unit, &empty_);
  }
  if (!empty_.empty()) sink_->OnEmptyLabels(empty_);
  ++result_->scraped;  // also when it is refused
  NX_ASSIGN_OR_RETURN(const uint32_t slot, sink_->OnSeries(labels));
  --result_->scraped;  // Emit counts it
  ++result_->added;
  return slot;
}

// A unit is in effect until the next one is told. Only new series need it, so the lines that were
// predicted are looked through when there is one, each once.
StatusOr<std::string_view> TextScrape::Unit() {
  if (dialect_ != TextDialect::kOpenMetrics) return unit_;
  constexpr std::string_view kUnitLine = "# UNIT ";
  const std::string_view read = body_.substr(0, at_);
  for (size_t at; (at = read.find(kUnitLine, unit_end_)) != std::string_view::npos;) {
    unit_end_ = at + kUnitLine.size();
    if (at > 0 && body_[at - 1] != '\n') continue;
    TextReader line(body_, dialect_, {});
    line.Seek(at, type_);
    NX_RETURN_IF_ERROR(line.Next().status());
    std::string unescaped;
    unit_ = line.metadata_text(&unescaped);
  }
  unit_end_ = at_;
  return unit_;
}

// Reports the sample the reader stands on.
Status TextScrape::EmitRead(ScrapeEntry* entry, bool repeated) {
  const int64_t ms = reader_.timestamp_ms().value_or(kNoTimestamp);
  walk_->Emit(entry, reader_.value(), ms, repeated);
  if (starts_ && entry->slot != kDropSlot && (!repeated || ms != kNoTimestamp)) {
    starts_->TakeSample(reader_, entry->slot);
  }
  if (!reader_.has_exemplar() || entry->slot == kDropSlot) return OkStatus();
  NX_ASSIGN_OR_RETURN(ScrapedExemplar exemplar, reader_.DecodeExemplar());
  result_->exemplars.push_back({entry->slot, ms, std::move(exemplar)});
  return OkStatus();
}

Status TextScrape::ReadComments() {
  if (starts_) starts_->EndFamily();
  if (ScrapeEntry* known = walk_->FindComment(body_.substr(at_))) {
    ApplyType(*known);
    at_ += known->length();
    return OkStatus();
  }
  const size_t begin = at_;
  lines_.clear();
  unescaped_.clear();
  uint32_t flags = ScrapeEntry::kComment;
  while (AtComment() && at_ - begin < kMaxCommentRun) NX_RETURN_IF_ERROR(ReadCommentLine(&flags));
  // The parser counts the LF it imagines behind the last line.
  at_ = std::min(at_, body_.size());
  const size_t length = at_ - begin;
  if (length > ScrapeEntry::kMaxLength) {
    return ResourceExhausted("comment longer than {} bytes", ScrapeEntry::kMaxLength);
  }
  const uint64_t hash =
      table_->Hash(body_.data() + begin, length, ScrapeTable::Impl::kCommentContext);
  bool repeated = false;
  if (walk_->Find(hash, length, true, &repeated) != nullptr) return OkStatus();
  const uint32_t number = lines_.empty() ? 0 : sink_->OnMetadata(lines_);
  walk_->Add(hash, length, number, flags);
  return OkStatus();
}

Status TextScrape::ReadCommentLine(uint32_t* flags) {
  reader_.Seek(at_, type_);
  NX_ASSIGN_OR_RETURN(TextReader::Entry kind, reader_.Next());
  at_ = reader_.position();
  MetadataLine::Kind what = MetadataLine::Kind::kHelp;
  switch (kind) {
    case TextReader::Entry::kHelp: break;
    case TextReader::Entry::kUnit: what = MetadataLine::Kind::kUnit; break;
    case TextReader::Entry::kType:
      what = MetadataLine::Kind::kType;
      type_ = reader_.type();
      *flags = (*flags & ~uint32_t{ScrapeEntry::kTypeMask}) | ScrapeEntry::kSetsType |
               static_cast<uint32_t>(type_) << ScrapeEntry::kTypeShift;
      break;
    default: return OkStatus();
  }
  const std::string_view text = kind == TextReader::Entry::kType
                                    ? ScrapedTypeName(type_)
                                    : reader_.metadata_text(&unescaped_.emplace_back());
  lines_.push_back({what, reader_.family(), text});
  return OkStatus();
}

}  // namespace

Status ScrapeText(std::string_view body, const ScrapeOptions& options, ScrapeTable::Impl* table,
                  ScrapeWalk* walk, ScrapeSink* sink, ScrapeResult* result) {
  return TextScrape(body, options, table, walk, sink, result).Run();
}

}  // namespace narthex
