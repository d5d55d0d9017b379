// Text to families: a machine that reads byte by byte, with the reference's states and words. It is
// strict where the scrape parser is lenient (one TYPE and HELP per family, an LF at the end) and
// the other way round (blanks nearly everywhere).
#include <charconv>
#include <cmath>

#include "core/base/string_map.h"
#include "core/exposition/families.h"
#include "core/exposition/number.h"
#include "core/strings/quote.h"

namespace narthex {
namespace {

constexpr std::string_view kSumSuffix = "_sum";
constexpr std::string_view kCountSuffix = "_count";
constexpr std::string_view kBucketSuffix = "_bucket";

bool IsNameStart(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '"';
}
bool IsNameByte(char c) { return IsNameStart(c) || (c >= '0' && c <= '9'); }

// Go's conversion of a float to uint64 as amd64 does it, back as a float.
double ToCount(double v) {
  if (std::isnan(v) || v >= 18446744073709551616.0) return 9223372036854775808.0;
  if (v >= 0) return std::trunc(v);
  if (v <= -9223372036854775808.0) return 9223372036854775808.0;
  return static_cast<double>(static_cast<uint64_t>(static_cast<int64_t>(v)));
}

struct FamilyState {
  MetricFamily family;
  bool has_help = false;
  bool has_type = false;
  // Summary or histogram children by their label set.
  StringMap<size_t> children;
};

class TextFamilyParser {
 public:
  TextFamilyParser(std::string_view body, NameValidation validation, const FamilyLimits& limits)
      : body_(body), validation_(validation), limits_(limits) {}

  StatusOr<std::vector<MetricFamily>> Parse() {
    while (Line()) {
    }
    if (!error_.empty()) {
      return InvalidArgument("text format parsing error in line {}: {}", line_, error_);
    }
    std::vector<MetricFamily> families;
    for (auto& state : families_) {
      if (!state->family.samples.empty()) families.push_back(std::move(state->family));
    }
    return families;
  }

 private:
  // Every reading function returns false when parsing is over: at an error, or at the end of the
  // body, which is an error everywhere but at the start of a line.
  bool Error(std::string message) {
    error_ = std::move(message);
    return false;
  }
  bool Read() {
    if (at_ >= body_.size()) return Error("unexpected end of input stream");
    c_ = body_[at_++];
    return true;
  }
  bool SkipBlanks() {
    do {
      if (!Read()) return false;
    } while (IsBlank());
    return true;
  }
  bool SkipBlanksIfBlank() { return !IsBlank() || SkipBlanks(); }
  bool IsBlank() const { return c_ == ' ' || c_ == '\t'; }
  bool AddToToken(char c) {
    if (token_.size() >= limits_.max_token_bytes) {
      return Error(fmt::format("token longer than {} bytes", limits_.max_token_bytes));
    }
    token_.push_back(c);
    return true;
  }

  bool Line() {
    ++line_;
    inside_braces_ = false;
    current_ = nullptr;
    do {
      if (at_ >= body_.size()) return false;  // the one place where the body may end
      c_ = body_[at_++];
    } while (IsBlank());
    if (c_ == '\n') return true;
    if (c_ == '#') return Comment();
    return Sample();
  }

  // ---- comments ----

  bool Comment() {
    if (!SkipBlanks()) return false;
    if (c_ == '\n') return true;
    if (!TokenUntilBlank()) return false;
    if (c_ == '\n') return true;
    bool help = token_ == "HELP";
    if (!help && token_ != "TYPE") return SkipLine();
    if (!SkipBlanks() || !MetricNameToken()) return false;
    if (c_ == '\n') return true;
    if (!IsBlank()) return Error("invalid metric name in comment");
    if (!SelectFamily() || !SkipBlanks()) return false;
    if (c_ == '\n') return true;
    return help ? Help() : Type();
  }
  bool SkipLine() {
    while (c_ != '\n') {
      if (!Read()) return false;
    }
    return true;
  }
  bool Help() {
    if (current_->has_help) {
      return Error(
          fmt::format("second HELP line for metric name {}", GoQuote(current_->family.name)));
    }
    if (!TokenUntilNewline(true)) return false;
    current_->has_help = true;
    current_->family.help = token_;
    return true;
  }
  bool Type() {
    if (current_->has_type) {
      return Error(
          fmt::format("second TYPE line for metric name {}, or TYPE reported after samples",
                      GoQuote(current_->family.name)));
    }
    if (!TokenUntilNewline(false)) return false;
    static constexpr std::pair<std::string_view, MetricType> kTypes[] = {
        {"counter", MetricType::kCounter},     {"gauge", MetricType::kGauge},
        {"summary", MetricType::kSummary},     {"untyped", MetricType::kUntyped},
        {"histogram", MetricType::kHistogram}, {"gauge_histogram", MetricType::kGaugeHistogram}};
    for (const auto& [name, type] : kTypes) {
      if (ToLowerAscii(token_) != name) continue;
      current_->has_type = true;
      current_->family.type = type;
      return true;
    }
    return Error(fmt::format("unknown metric type {}", GoQuote(token_)));
  }

  // ---- samples ----

  bool Sample() {
    sample_ = MetricSample();
    signature_.clear();
    special_label_ = std::nan("");
    if (c_ == '{') {
      inside_braces_ = true;
    } else {
      if (!MetricNameToken()) return false;
      if (token_.empty()) return Error("invalid metric name");
      if (!SelectFamily()) return false;
      current_->has_type = true;
      if (!SkipBlanksIfBlank()) return false;
    }
    if (c_ == '{' && !LabelPairs()) return false;
    return Value();
  }

  // From the opening brace to the first byte of the value.
  bool LabelPairs() {
    while (true) {
      if (!SkipBlanks()) return false;
      if (c_ == '}') break;
      bool closed = false;
      if (!LabelPair(&closed)) return false;
      if (closed) break;
    }
    if (current_ == nullptr) return Error("invalid metric name");
    return SkipBlanks();
  }

  // One name="value" pair, or the metric name inside of braces. Stops on ',' or (closed) on '}'.
  bool LabelPair(bool* closed) {
    if (!LabelNameToken()) return false;
    if (token_.empty()) {
      return Error(fmt::format("invalid label name for metric {}", GoQuote(CurrentName())));
    }
    if (!SkipBlanksIfBlank()) return false;
    if (c_ != '=') return NameInBraces(closed);
    std::string name = token_;
    if (name == "__name__") return Error("label name \"__name__\" is reserved");
    if (validation_ == NameValidation::kLegacy && !IsLegacyLabelName(name)) {
      return Error(fmt::format("invalid label name {}", GoQuote(name)));
    }
    if (!SkipBlanks()) return false;
    bool special = IsSpecialLabel(name);
    if (!special) {
      for (const MetricLabel& label : sample_.labels) {
        if (label.name == name) {
          return Error(fmt::format("duplicate label names for metric {}", GoQuote(CurrentName())));
        }
      }
    }
    if (c_ != '"') {
      return Error(fmt::format("expected '\"' at start of label value, found {}", QuoteByte(c_)));
    }
    if (!LabelValueToken()) return false;
    if (!IsValidUtf8(token_)) return Error(fmt::format("invalid label value {}", GoQuote(token_)));
    if (!(special ? SetSpecialLabel(name) : AddLabel(std::move(name)))) return false;
    std::string value = token_;
    if (!SkipBlanks()) return false;
    *closed = c_ == '}';
    if (c_ == ',' || *closed) return true;
    return Error(fmt::format("unexpected end of label value {}", GoQuote(value)));
  }

  bool NameInBraces(bool* closed) {
    if (!inside_braces_) {
      return Error(fmt::format("expected '=' after label name, found {}", QuoteByte(c_)));
    }
    if (current_ != nullptr) {
      return Error(fmt::format("multiple metric names for metric {}", GoQuote(CurrentName())));
    }
    if (c_ != ',' && c_ != '}') {
      return Error(fmt::format("unexpected end of metric name {}", QuoteByte(c_)));
    }
    if (!SelectFamily()) return false;
    current_->has_type = true;
    *closed = c_ == '}';
    return true;
  }

  bool IsSpecialLabel(std::string_view name) const {
    if (current_ == nullptr) return false;
    return (current_->family.type == MetricType::kSummary && name == "quantile") ||
           (current_->family.type == MetricType::kHistogram && name == "le");
  }
  bool SetSpecialLabel(std::string_view name) {
    if (ParseGoFloat(token_, &special_label_) == FloatError::kNone) return true;
    return Error(
        fmt::format("expected float as value for '{}' label, got {}", name, GoQuote(token_)));
  }
  bool AddLabel(std::string name) {
    if (sample_.labels.size() >= limits_.max_labels) {
      return Error(fmt::format("more than {} labels", limits_.max_labels));
    }
    sample_.labels.push_back({std::move(name), token_});
    return true;
  }

  bool Value() {
    MetricSample* sample = TargetSample();
    if (sample == nullptr) return Error(fmt::format("more than {} samples", limits_.max_samples));
    if (!TokenUntilBlank()) return false;
    double value = 0;
    if (ParseGoFloat(token_, &value) != FloatError::kNone) {
      return Error(fmt::format("expected float as value, got {}", GoQuote(token_)));
    }
    switch (current_->family.type) {
      case MetricType::kSummary: SetSummaryValue(value, sample); break;
      case MetricType::kHistogram: SetHistogramValue(value, sample); break;
      case MetricType::kGaugeHistogram:
        return Error(fmt::format("unexpected type for metric name {}", GoQuote(CurrentName())));
      default: sample->value = value;
    }
    return c_ == '\n' || Timestamp(sample);
  }

  // The sample the line adds to: a new one, or that of the same summary or histogram.
  MetricSample* TargetSample() {
    if (++samples_ > limits_.max_samples) return nullptr;
    MetricFamily& family = current_->family;
    if (family.type == MetricType::kSummary || family.type == MetricType::kHistogram) {
      auto [it, added] = current_->children.try_emplace(Signature(), family.samples.size());
      if (!added) return &family.samples[it->second];
    }
    return &family.samples.emplace_back(std::move(sample_));
  }
  std::string Signature() {
    std::vector<const MetricLabel*> sorted;
    sorted.reserve(sample_.labels.size());
    for (const MetricLabel& label : sample_.labels) sorted.push_back(&label);
    std::sort(sorted.begin(), sorted.end(),
              [](const MetricLabel* a, const MetricLabel* b) { return a->name < b->name; });
    std::string signature;
    for (const MetricLabel* label : sorted) {
      signature.append(label->name).push_back('\xff');
      signature.append(label->value).push_back('\xff');
    }
    return signature;
  }
  void SetSummaryValue(double value, MetricSample* sample) {
    if (role_ == Role::kCount) {
      sample->sample_count = ToCount(value);
    } else if (role_ == Role::kSum) {
      sample->sample_sum = value;
    } else if (!std::isnan(special_label_)) {
      sample->quantiles.push_back({special_label_, value});
    }
  }
  void SetHistogramValue(double value, MetricSample* sample) {
    if (role_ == Role::kCount) {
      sample->sample_count = ToCount(value);
    } else if (role_ == Role::kSum) {
      sample->sample_sum = value;
    } else if (!std::isnan(special_label_)) {
      sample->buckets.push_back({special_label_, ToCount(value), std::nullopt});
    }
  }
  bool Timestamp(MetricSample* sample) {
    if (!SkipBlanks() || !TokenUntilBlank()) return false;
    std::string_view text = token_;
    if (text.starts_with('+')) text.remove_prefix(1);
    int64_t ms = 0;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), ms);
    bool signs = text.size() != token_.size() && text.starts_with('-');
    if (error != std::errc() || end != text.data() + text.size() || signs) {
      return Error(fmt::format("expected integer as timestamp, got {}", GoQuote(token_)));
    }
    sample->timestamp_ms = ms;
    if (!TokenUntilNewline(false)) return false;
    if (token_.empty()) return true;
    return Error(fmt::format("spurious string after timestamp: {}", GoQuote(token_)));
  }

  // ---- the family a name belongs to ----

  bool SelectFamily() {
    role_ = Role::kValue;
    if (!IsValidMetricName(token_, validation_)) {
      return Error(fmt::format("invalid metric name {}", GoQuote(token_)));
    }
    current_ = Find(token_);
    if (current_ != nullptr) return true;
    if (SelectAsPartOf(MetricType::kSummary) || SelectAsPartOf(MetricType::kHistogram)) return true;
    auto state = std::make_unique<FamilyState>();
    state->family.name = token_;
    current_ = state.get();
    by_name_.emplace(token_, current_);
    families_.push_back(std::move(state));
    return true;
  }
  // name_sum, name_count and name_bucket belong to a summary or histogram of that name.
  bool SelectAsPartOf(MetricType type) {
    for (std::string_view suffix : {kCountSuffix, kSumSuffix, kBucketSuffix}) {
      std::string_view name = token_;
      if (suffix == kBucketSuffix && type != MetricType::kHistogram) continue;
      if (name.size() <= suffix.size() || !name.ends_with(suffix)) continue;
      FamilyState* state = Find(name.substr(0, name.size() - suffix.size()));
      if (state == nullptr || state->family.type != type) continue;
      current_ = state;
      role_ = suffix == kCountSuffix ? Role::kCount
              : suffix == kSumSuffix ? Role::kSum
                                     : Role::kValue;
      return true;
    }
    return false;
  }
  FamilyState* Find(std::string_view name) {
    auto it = by_name_.find(name);
    return it == by_name_.end() ? nullptr : it->second;
  }
  std::string_view CurrentName() const {
    return current_ == nullptr ? std::string_view() : std::string_view(current_->family.name);
  }

  // ---- tokens: all start at the current byte and end with the first byte behind as current ----

  bool TokenUntilBlank() {
    token_.clear();
    while (!IsBlank() && c_ != '\n') {
      if (!AddToToken(c_) || !Read()) return false;
    }
    return true;
  }
  bool TokenUntilNewline(bool unescape) {
    token_.clear();
    bool escaped = false;
    for (;;) {
      if (unescape && escaped) {
        if (!AddEscaped()) return false;
        escaped = false;
      } else if (c_ == '\n') {
        return true;
      } else if (c_ == '\\') {
        escaped = true;
      } else if (!AddToToken(c_)) {
        return false;
      }
      if (!Read()) return false;
    }
  }
  bool AddEscaped() {
    switch (c_) {
      case '\\':
      case '"': return AddToToken(c_);
      case 'n': return AddToToken('\n');
      default: return Error(fmt::format("invalid escape sequence '\\{}'", c_));
    }
  }
  bool MetricNameToken() { return NameToken(true, "metric name"); }
  bool LabelNameToken() { return NameToken(false, "label name"); }
  bool NameToken(bool colons, std::string_view what) {
    token_.clear();
    bool quoted = false;
    bool escaped = false;
    if (!IsNameStart(c_) && !(colons && c_ == ':')) return true;
    do {
      if (escaped) {
        if (!AddEscaped()) return false;
        escaped = false;
      } else if (c_ == '"') {
        quoted = !quoted;
        if (!quoted) return Read();
      } else if (c_ == '\n') {
        return Error(fmt::format("{} {} contains unescaped new-line", what, GoQuote(token_)));
      } else if (c_ == '\\') {
        escaped = true;
      } else if (!AddToToken(c_)) {
        return false;
      }
      if (!Read()) return false;
    } while (quoted || IsNameByte(c_) || (colons && c_ == ':'));
    return true;
  }
  bool LabelValueToken() {
    token_.clear();
    for (;;) {
      if (!Read()) return false;
      if (c_ == '"') return true;
      if (c_ == '\n') {
        return Error(fmt::format("label value {} contains unescaped new-line", GoQuote(token_)));
      }
      if (c_ == '\\') {
        if (!Read() || !AddEscaped()) return false;
      } else if (!AddToToken(c_)) {
        return false;
      }
    }
  }

  static std::string QuoteByte(char c) {
    if (c == '"') return "'\"'";
    if (c == '\'') return "'\\''";
    // A byte is shown as the code point of that number.
    std::string rune(1, c);
    auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x80)
      rune = {static_cast<char>(0xc0 | byte >> 6), static_cast<char>(0x80 | (byte & 0x3f))};
    std::string quoted = GoQuote(rune);
    quoted.front() = quoted.back() = '\'';
    return quoted;
  }

  enum class Role { kValue, kSum, kCount };

  std::string_view body_;
  NameValidation validation_;
  FamilyLimits limits_;
  size_t at_ = 0;
  char c_ = 0;
  size_t line_ = 0;
  std::string error_;
  std::string token_;

  std::vector<std::unique_ptr<FamilyState>> families_;
  StringMap<FamilyState*> by_name_;
  FamilyState* current_ = nullptr;
  Role role_ = Role::kValue;
  bool inside_braces_ = false;
  MetricSample sample_;
  std::string signature_;
  double special_label_ = 0;  // le or quantile; NaN: none
  size_t samples_ = 0;
};

}  // namespace

StatusOr<std::vector<MetricFamily>> ParseTextFamilies(std::string_view body,
                                                      NameValidation validation,
                                                      const FamilyLimits& limits) {
  return TextFamilyParser(body, validation, limits).Parse();
}

}  // namespace narthex
