// fmt.Sprintf over template values.

#include <charconv>
#include <cmath>

#include "core/strings/numbers.h"
#include "core/strings/quote.h"
#include "core/strings/utf8.h"
#include "core/template/value.h"

namespace narthex::tmpl {
namespace {

constexpr int kMaxWidth = 1'000'000;  // Go's own limit for widths and precisions

struct Spec {
  bool plus = false, minus = false, sharp = false, space = false, zero = false;
  int width = -1, precision = -1;
  char32_t verb = 0;
};

class Formatter {
 public:
  Formatter(std::string_view format, std::span<const Value> values, size_t limit)
      : format_(format), values_(values), limit_(limit) {}

  std::string Run() {
    while (pos_ < format_.size() && out_.size() <= limit_) {
      const size_t percent = format_.find('%', pos_);
      out_.append(format_.substr(pos_, percent - pos_));
      if (percent == std::string_view::npos) break;
      pos_ = percent + 1;
      Directive();
    }
    if (!reordered_ && next_ < values_.size()) {
      out_ += "%!(EXTRA ";
      for (size_t i = next_; i < values_.size(); ++i) {
        if (i > next_) out_ += ", ";
        out_ += values_[i].is_nil() ? "<nil>" : values_[i].TypeName() + "=" + ToText(values_[i]);
      }
      out_ += ")";
    }
    if (out_.size() > limit_) out_.resize(limit_);
    return std::move(out_);
  }

 private:
  char Peek() const { return pos_ < format_.size() ? format_[pos_] : '\0'; }

  void Directive() {
    Spec spec;
    bad_index_ = false;
    Flags(&spec);
    ArgumentIndex();
    if (Peek() == '*') {
      ++pos_;
      if (!StarValue(&spec.width)) out_ += "%!(BADWIDTH)";
      if (spec.width < -1) {
        spec.minus = true;
        spec.zero = false;
        spec.width = -spec.width;
      }
    } else {
      Number(&spec.width);
    }
    if (Peek() == '.') {
      ++pos_;
      ArgumentIndex();
      if (Peek() == '*') {
        ++pos_;
        if (!StarValue(&spec.precision) || spec.precision < 0) out_ += "%!(BADPREC)";
      } else {
        spec.precision = 0;
        Number(&spec.precision);
      }
    }
    ArgumentIndex();
    if (pos_ >= format_.size()) {
      out_ += "%!(NOVERB)";
      return;
    }
    const DecodedRune verb = DecodeRune(format_.substr(pos_));
    pos_ += verb.width;
    spec.verb = verb.rune;
    std::string name;
    AppendRune(&name, verb.rune);
    if (verb.rune == '%') {
      out_ += "%";
    } else if (bad_index_) {
      out_ += "%!" + name + "(BADINDEX)";
    } else if (next_ >= values_.size()) {
      out_ += "%!" + name + "(MISSING)";
    } else {
      Format(spec, values_[next_++]);
    }
  }

  void Flags(Spec* spec) {
    for (;; ++pos_) {
      switch (Peek()) {
        case '+': spec->plus = true; break;
        case '-':
          spec->minus = true;
          spec->zero = false;
          break;
        case '#': spec->sharp = true; break;
        case ' ': spec->space = true; break;
        case '0': spec->zero = !spec->minus; break;
        default: return;
      }
    }
  }
  bool Number(int* out) {
    int value = 0;
    bool any = false;
    for (; Peek() >= '0' && Peek() <= '9'; ++pos_) {
      any = true;
      value = std::min(value * 10 + (Peek() - '0'), kMaxWidth);
    }
    if (any) *out = value;
    return any;
  }
  // [n] picks the argument for what follows.
  void ArgumentIndex() {
    if (Peek() != '[') return;
    reordered_ = true;
    const size_t close = format_.find(']', pos_);
    if (close == std::string_view::npos) {
      bad_index_ = true;
      ++pos_;
      return;
    }
    const std::optional<int64_t> index = ParseInt(format_.substr(pos_ + 1, close - pos_ - 1));
    pos_ = close + 1;
    if (!index.has_value() || *index < 1 || *index > static_cast<int64_t>(values_.size())) {
      bad_index_ = true;
    } else {
      next_ = static_cast<size_t>(*index - 1);
    }
  }
  bool StarValue(int* out) {
    if (next_ >= values_.size()) return false;
    const Value& value = values_[next_++];
    if (value.kind() != Value::Kind::kInt || std::abs(value.as_int()) > kMaxWidth) return false;
    *out = static_cast<int>(value.as_int());
    return true;
  }

  void Format(const Spec& spec, const Value& value) {
    switch (value.kind()) {
      case Value::Kind::kMissing:
      case Value::Kind::kNil:
        if (spec.verb == 'T' || spec.verb == 'v') return Pad(spec, "<nil>");
        return Bad(spec, value);
      default: break;
    }
    if (spec.verb == 'T') return Text(spec, value.TypeName());
    switch (value.kind()) {
      case Value::Kind::kBool:
        if (spec.verb != 't' && spec.verb != 'v') return Bad(spec, value);
        return Pad(spec, value.as_bool() ? "true" : "false");
      case Value::Kind::kInt: return Integer(spec, value);
      case Value::Kind::kFloat: return Float(spec, value);
      case Value::Kind::kString: return String(spec, value, value.as_string());
      case Value::Kind::kList: return Items(spec, value);
      case Value::Kind::kMap: return Members(spec, value);
      case Value::Kind::kObject:
        if (value.list() != nullptr) return Items(spec, value);
        if (value.map() != nullptr) return Members(spec, value);
        return String(spec, value, ToText(value));
      default: return Bad(spec, value);
    }
  }

  void Items(const Spec& spec, const Value& value) {
    out_ += "[";
    bool first = true;
    for (const Value& item : *value.list()) {
      if (!first) out_ += " ";
      first = false;
      Format(spec, item);
    }
    out_ += "]";
  }
  void Members(const Spec& spec, const Value& value) {
    out_ += "map[";
    bool first = true;
    for (const auto& [key, item] : value.map()->items) {
      if (!first) out_ += " ";
      first = false;
      Format(spec, Value(key));
      out_ += ":";
      Format(spec, item);
    }
    out_ += "]";
  }

  void Bad(const Spec& spec, const Value& value) {
    out_ += "%!";
    AppendRune(&out_, spec.verb);
    out_ += value.is_nil() ? "(<nil>)" : "(" + value.TypeName() + "=" + ToText(value) + ")";
  }

  void String(const Spec& spec, const Value& value, const std::string& text) {
    switch (spec.verb) {
      case 's': return Text(spec, text);
      case 'v': return spec.sharp ? Pad(spec, GoQuote(text)) : Text(spec, text);
      case 'q': {
        const std::string cut = Truncate(spec, text);
        const bool raw =
            spec.sharp && cut.find('`') == std::string::npos && cut.find('\n') == std::string::npos;
        if (raw) return Pad(spec, "`" + cut + "`");
        return Pad(spec, spec.plus ? EscapeNonAscii(GoQuote(cut)) : GoQuote(cut));
      }
      case 'x':
      case 'X': return Pad(spec, Hex(spec, text));
      default: return Bad(spec, value);
    }
  }
  static std::string EscapeNonAscii(std::string_view quoted) {
    std::string out;
    for (size_t i = 0; i < quoted.size();) {
      const DecodedRune rune = DecodeRune(quoted.substr(i));
      const auto code = static_cast<uint32_t>(rune.rune);
      if (code < 0x80) {
        out += static_cast<char>(code);
      } else {
        out += code < 0x10000 ? fmt::format("\\u{:04x}", code) : fmt::format("\\U{:08x}", code);
      }
      i += rune.width;
    }
    return out;
  }
  static std::string Truncate(const Spec& spec, std::string_view text) {
    if (spec.precision < 0) return std::string(text);
    size_t end = 0;
    for (int i = 0; i < spec.precision && end < text.size(); ++i) {
      end += DecodeRune(text.substr(end)).width;
    }
    return std::string(text.substr(0, end));
  }
  void Text(const Spec& spec, std::string_view text) { Pad(spec, Truncate(spec, text)); }
  static std::string Hex(const Spec& spec, std::string_view text) {
    if (spec.precision >= 0) text = text.substr(0, static_cast<size_t>(spec.precision));
    std::string out;
    for (size_t i = 0; i < text.size(); ++i) {
      if (spec.space && i > 0) out += " ";
      if (spec.sharp && (spec.space || i == 0)) out += spec.verb == 'x' ? "0x" : "0X";
      const auto byte = static_cast<unsigned char>(text[i]);
      out += spec.verb == 'x' ? fmt::format("{:02x}", byte) : fmt::format("{:02X}", byte);
    }
    return out;
  }

  void Integer(const Spec& spec, const Value& value) {
    const int64_t v = value.as_int();
    const uint64_t magnitude = v < 0 ? ~static_cast<uint64_t>(v) + 1 : static_cast<uint64_t>(v);
    std::string digits, prefix;
    switch (spec.verb) {
      case 'v':
      case 'd': digits = fmt::format("{}", magnitude); break;
      case 'b':
        digits = fmt::format("{:b}", magnitude);
        prefix = spec.sharp ? "0b" : "";
        break;
      case 'o':
        digits = fmt::format("{:o}", magnitude);
        prefix = spec.sharp ? "0" : "";
        break;
      case 'O':
        digits = fmt::format("{:o}", magnitude);
        prefix = "0o";
        break;
      case 'x':
        digits = fmt::format("{:x}", magnitude);
        prefix = spec.sharp ? "0x" : "";
        break;
      case 'X':
        digits = fmt::format("{:X}", magnitude);
        prefix = spec.sharp ? "0X" : "";
        break;
      case 'c': return Pad(spec, Rune(v));
      case 'q': return Pad(spec, QuotedRune(v));
      case 'U': return Pad(spec, fmt::format("U+{:04X}", magnitude));
      default: return Bad(spec, value);
    }
    if (spec.precision >= 0 && digits.size() < static_cast<size_t>(spec.precision)) {
      digits.insert(0, static_cast<size_t>(spec.precision) - digits.size(), '0');
    }
    PadNumber(spec, v < 0, prefix, digits, spec.precision < 0);
  }
  static std::string Rune(int64_t v) {
    std::string out;
    AppendRune(&out, v < 0 || v > 0x10FFFF ? kRuneError : static_cast<char32_t>(v));
    return out;
  }
  static std::string QuotedRune(int64_t v) {
    const std::string rune = Rune(v);
    if (rune == "'") return "'\\''";
    if (rune == "\"") return "'\"'";
    std::string quoted = GoQuote(rune);
    return "'" + quoted.substr(1, quoted.size() - 2) + "'";
  }

  void Float(const Spec& spec, const Value& value) {
    const double v = value.as_float();
    if (!std::isfinite(v)) {
      if (std::u32string_view(U"vgGeEfFxX").find(spec.verb) == std::u32string_view::npos) {
        return Bad(spec, value);
      }
      const std::string sign = v < 0 ? "-" : spec.plus ? "+" : spec.space ? " " : "";
      Spec plain = spec;
      plain.zero = false;
      return Pad(plain, std::isnan(v) ? (spec.plus ? "+NaN" : "NaN")
                                      : (sign.empty() ? "+Inf" : sign + "Inf"));
    }
    std::string digits;
    const double magnitude = std::fabs(v);
    const int precision = spec.precision;
    switch (spec.verb) {
      case 'v':
      case 'g':
      case 'G': digits = General(magnitude, precision); break;
      case 'e':
      case 'E':
        digits = Chars(magnitude, std::chars_format::scientific, precision < 0 ? 6 : precision);
        break;
      case 'f':
      case 'F': digits = FormatFloatF(magnitude, precision < 0 ? 6 : precision); break;
      default: return Bad(spec, value);
    }
    if (spec.verb == 'G' || spec.verb == 'E') {
      for (char& c : digits) c = c == 'e' ? 'E' : c;
    }
    PadNumber(spec, std::signbit(v), "", digits, true);
  }
  static std::string General(double v, int precision) {
    if (precision < 0) return ToText(Value(v));
    return Chars(v, std::chars_format::general, precision == 0 ? 1 : precision);
  }
  static std::string Chars(double v, std::chars_format format, int precision) {
    std::string buffer(static_cast<size_t>(std::min(precision, 2000)) + 400, '\0');
    auto [end, error] = std::to_chars(buffer.data(), buffer.data() + buffer.size(), v, format,
                                      std::min(precision, 2000));
    buffer.resize(error == std::errc() ? static_cast<size_t>(end - buffer.data()) : 0);
    return buffer;
  }

  void PadNumber(const Spec& spec, bool negative, std::string_view prefix, std::string_view digits,
                 bool zeros_allowed) {
    std::string text = negative ? "-" : spec.plus ? "+" : spec.space ? " " : "";
    text += prefix;
    const size_t length = text.size() + digits.size();
    if (spec.zero && zeros_allowed && spec.width > 0 && length < static_cast<size_t>(spec.width)) {
      text.append(Room(static_cast<size_t>(spec.width) - length), '0');
    }
    text += digits;
    Spec rest = spec;
    rest.zero = false;
    Pad(rest, text);
  }
  void Pad(const Spec& spec, std::string_view text) {
    const size_t runes = spec.width > 0 ? RuneCount(text) : 0;
    const size_t fill = spec.width > 0 && runes < static_cast<size_t>(spec.width)
                            ? Room(static_cast<size_t>(spec.width) - runes)
                            : 0;
    if (!spec.minus) out_.append(fill, ' ');
    out_.append(text);
    if (spec.minus) out_.append(fill, ' ');
  }
  // Padding stops at the limit of the output.
  size_t Room(size_t wanted) const { return std::min(wanted, limit_ + 1); }

  std::string_view format_;
  std::span<const Value> values_;
  size_t limit_;
  std::string out_;
  size_t pos_ = 0;
  size_t next_ = 0;
  bool reordered_ = false;
  bool bad_index_ = false;
};

}  // namespace

std::string Printf(std::string_view format, std::span<const Value> values, size_t limit) {
  return Formatter(format, values, limit).Run();
}

}  // namespace narthex::tmpl
