// The UTF-8 grammar:
//
//   matchers = [ "{" ] [ matcher { "," matcher } [ "," ] ] [ "}" ]
//   matcher  = text ( "=" | "!=" | "=~" | "!~" ) text
//   text     = quoted (Go escapes) | any characters but blanks and {}!=~,\"'`

#include "alertmanager/matchers/matcher.h"
#include "core/labels/names.h"
#include "core/strings/quote.h"
#include "core/strings/utf8.h"

namespace narthex::am {
namespace {

constexpr size_t kMaxMatchers = 1000;

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  StatusOr<Matchers> Parse() {
    Matchers matchers;
    SkipBlanks();
    const bool open = Accept('{');
    SkipBlanks();
    while (!AtEnd() && Peek() != '}') {
      NX_ASSIGN_OR_RETURN(Matcher matcher, One());
      matchers.push_back(std::move(matcher));
      if (matchers.size() > kMaxMatchers) {
        return InvalidArgument("more than {} matchers", kMaxMatchers);
      }
      SkipBlanks();
      if (!Accept(',')) break;
      SkipBlanks();
    }
    if (open && !Accept('}')) {
      return AtEnd() ? Status(InvalidArgument("0:{}: end of input: expected close brace", Column()))
                     : Unexpected("a comma or close brace");
    }
    if (!open && !AtEnd() && Peek() == '}') {
      return InvalidArgument("0:{}: }}: expected opening brace", Column());
    }
    SkipBlanks();
    if (!AtEnd()) return Unexpected("end of input");
    return matchers;
  }

 private:
  bool AtEnd() const { return pos_ >= text_.size(); }
  char Peek() const { return text_[pos_]; }
  size_t Column() const { return RuneCount(text_.substr(0, pos_)); }
  bool Accept(char c) {
    if (AtEnd() || Peek() != c) return false;
    ++pos_;
    return true;
  }
  void SkipBlanks() {
    while (!AtEnd()) {
      const DecodedRune rune = DecodeRune(text_.substr(pos_));
      if (!rune.valid || !IsSpaceRune(rune.rune)) return;
      pos_ += rune.width;
    }
  }
  Status Unexpected(std::string_view expected) const {
    if (AtEnd()) return InvalidArgument("0:{}: end of input: expected {}", Column(), expected);
    const DecodedRune rune = DecodeRune(text_.substr(pos_));
    return InvalidArgument("{}:{}: unexpected {}: expected {}", Column(), Column() + 1,
                           text_.substr(pos_, rune.width), expected);
  }

  StatusOr<Matcher> One() {
    NX_ASSIGN_OR_RETURN(std::string name, Text("label name"));
    if (name.empty()) return InvalidArgument("empty label name");
    SkipBlanks();
    NX_ASSIGN_OR_RETURN(const MatchType type, Operator());
    SkipBlanks();
    NX_ASSIGN_OR_RETURN(std::string value, Text("label value"));
    return Matcher::Create(type, std::move(name), std::move(value));
  }
  StatusOr<MatchType> Operator() {
    const std::string_view rest = text_.substr(pos_);
    struct Pair {
      std::string_view text;
      MatchType type;
    };
    static constexpr Pair kOperators[] = {{"=~", MatchType::kRegex},
                                          {"!=", MatchType::kNotEqual},
                                          {"!~", MatchType::kNotRegex},
                                          {"=", MatchType::kEqual}};
    for (const Pair& op : kOperators) {
      if (!rest.starts_with(op.text)) continue;
      pos_ += op.text.size();
      return op.type;
    }
    return Unexpected("an operator such as '=', '!=', '=~' or '!~'");
  }
  StatusOr<std::string> Text(std::string_view what) {
    if (AtEnd()) return Unexpected(what);
    return Peek() == '"' ? Quoted() : Unquoted(what);
  }
  StatusOr<std::string> Quoted() {
    const size_t start = pos_++;
    for (bool escaped = false; !AtEnd(); ++pos_) {
      if (Peek() == '"' && !escaped) {
        ++pos_;
        const std::string_view token = text_.substr(start, pos_ - start);
        StatusOr<std::string> value = GoUnquote(token);
        if (!value.ok() || !IsValidUtf8(*value)) {
          return InvalidArgument("{}:{}: {}: invalid input", start, pos_, token);
        }
        return value;
      }
      escaped = Peek() == '\\' && !escaped;
    }
    return InvalidArgument("{}:{}: {}: missing end \"", start, text_.size(), text_.substr(start));
  }
  StatusOr<std::string> Unquoted(std::string_view what) {
    constexpr std::string_view kReserved = "{}!=~,\\\"'`";
    const size_t start = pos_;
    while (!AtEnd() && kReserved.find(Peek()) == std::string_view::npos) {
      const DecodedRune rune = DecodeRune(text_.substr(pos_));
      if (!rune.valid) return InvalidArgument("{}:{}: invalid UTF-8", Column(), Column() + 1);
      if (IsSpaceRune(rune.rune)) break;
      pos_ += rune.width;
    }
    if (pos_ == start) return Unexpected(what);
    return std::string(text_.substr(start, pos_ - start));
  }

  std::string_view text_;
  size_t pos_ = 0;
};

}  // namespace

StatusOr<Matchers> ParseUtf8Matchers(std::string_view text) { return Parser(text).Parse(); }

}  // namespace narthex::am
