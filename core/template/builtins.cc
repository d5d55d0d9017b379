#include "core/template/builtins.h"

#include <cmath>

#include "core/strings/utf8.h"

namespace narthex::tmpl {
namespace {

using Args = std::span<const Value>;

Status BadComparison() { return InvalidArgument("incompatible types for comparison"); }

bool IsBasic(const Value& v) {
  return v.kind() == Value::Kind::kBool || v.kind() == Value::Kind::kInt ||
         v.kind() == Value::Kind::kFloat || v.kind() == Value::Kind::kString;
}

StatusOr<bool> Equals(const Value& a, const Value& b) {
  if (a.is_nil() || b.is_nil()) return a.is_nil() && b.is_nil();
  if (a.kind() != b.kind()) return BadComparison();
  switch (a.kind()) {
    case Value::Kind::kBool: return a.as_bool() == b.as_bool();
    case Value::Kind::kInt: return a.as_int() == b.as_int();
    case Value::Kind::kFloat: return a.as_float() == b.as_float();
    case Value::Kind::kString: return a.as_string() == b.as_string();
    default: break;
  }
  if (b.kind() == Value::Kind::kObject && b.list() == nullptr && b.map() == nullptr) {
    return a.TypeName() == b.TypeName() && ToText(a) == ToText(b);
  }
  return InvalidArgument("non-comparable type {}: {}", ToText(b), b.TypeName());
}

StatusOr<bool> EqualsAny(Args args) {
  if (args.size() < 2) return InvalidArgument("missing argument for comparison");
  for (size_t i = 1; i < args.size(); ++i) {
    NX_ASSIGN_OR_RETURN(const bool equal, Equals(args[0], args[i]));
    if (equal) return true;
  }
  return false;
}

StatusOr<bool> Less(const Value& a, const Value& b) {
  if (!IsBasic(a) || !IsBasic(b)) return InvalidArgument("invalid type for comparison");
  if (a.kind() != b.kind()) return BadComparison();
  switch (a.kind()) {
    case Value::Kind::kInt: return a.as_int() < b.as_int();
    case Value::Kind::kFloat: return a.as_float() < b.as_float();
    case Value::Kind::kString: return a.as_string() < b.as_string();
    default: return InvalidArgument("invalid type for comparison");
  }
}

StatusOr<bool> LessOrEqual(const Value& a, const Value& b) {
  NX_ASSIGN_OR_RETURN(const bool less, Less(a, b));
  if (less) return true;
  return Equals(a, b);
}

StatusOr<Value> ToValue(StatusOr<bool> result, bool negate = false) {
  if (!result.ok()) return result.status();
  return Value(*result != negate);
}

// A byte offset or list position; `length` itself is allowed for slices.
StatusOr<size_t> Position(const Value& index, size_t length, bool slicing) {
  if (index.is_nil()) return InvalidArgument("cannot index slice/array with nil");
  if (index.kind() != Value::Kind::kInt) {
    return InvalidArgument("cannot index slice/array with type {}", index.TypeName());
  }
  const int64_t at = index.as_int();
  const auto end = static_cast<int64_t>(length);
  if (at < 0 || at > end || (at == end && !slicing)) {
    return InvalidArgument("index out of range: {}", at);
  }
  return static_cast<size_t>(at);
}

StatusOr<Value> IndexOne(const Value& item, const Value& index) {
  if (item.is_nil()) return InvalidArgument("index of untyped nil");
  if (item.is_string()) {
    NX_ASSIGN_OR_RETURN(const size_t at, Position(index, item.as_string().size(), false));
    return Value(static_cast<int64_t>(static_cast<unsigned char>(item.as_string()[at])));
  }
  if (const List* list = item.list(); list != nullptr) {
    NX_ASSIGN_OR_RETURN(const size_t at, Position(index, list->size(), false));
    return (*list)[at];
  }
  if (const Map* map = item.map(); map != nullptr) {
    if (index.is_nil()) return InvalidArgument("value is nil; should be string");
    if (!index.is_string()) {
      return InvalidArgument("value has type {}; should be string", index.TypeName());
    }
    auto found = map->items.find(index.as_string());
    if (found != map->items.end()) return found->second;
    return map->zero.is_nil() ? Value::Missing() : map->zero;
  }
  return InvalidArgument("can't index item of type {}", item.TypeName());
}

StatusOr<Value> Index(Args args) {
  Value item = args[0];
  if (item.is_nil()) return InvalidArgument("index of untyped nil");
  for (const Value& index : args.subspan(1)) {
    NX_ASSIGN_OR_RETURN(item, IndexOne(item, index));
  }
  return item;
}

StatusOr<Value> Slice(Args args) {
  const Value& item = args[0];
  if (item.is_nil()) return InvalidArgument("slice of untyped nil");
  if (args.size() > 4) return InvalidArgument("too many slice indexes: {}", args.size() - 1);
  const List* list = item.list();
  if (!item.is_string() && list == nullptr) {
    return InvalidArgument("can't slice item of type {}", item.TypeName());
  }
  if (item.is_string() && args.size() == 4) return InvalidArgument("cannot 3-index slice a string");
  const size_t length = item.is_string() ? item.as_string().size() : list->size();
  size_t bounds[3] = {0, length, length};
  for (size_t i = 1; i < args.size(); ++i) {
    NX_ASSIGN_OR_RETURN(bounds[i - 1], Position(args[i], length, true));
  }
  if (bounds[0] > bounds[1]) {
    return InvalidArgument("invalid slice index: {} > {}", bounds[0], bounds[1]);
  }
  if (bounds[1] > bounds[2]) {
    return InvalidArgument("invalid slice index: {} > {}", bounds[1], bounds[2]);
  }
  if (item.is_string()) return Value(item.as_string().substr(bounds[0], bounds[1] - bounds[0]));
  return Value(List(list->begin() + static_cast<ptrdiff_t>(bounds[0]),
                    list->begin() + static_cast<ptrdiff_t>(bounds[1])));
}

StatusOr<Value> Length(Args args) {
  const Value& item = args[0];
  if (item.is_nil()) return InvalidArgument("len of nil pointer");
  if (item.is_string()) return Value(static_cast<int64_t>(item.as_string().size()));
  if (item.list() != nullptr) return Value(static_cast<int64_t>(item.list()->size()));
  if (item.map() != nullptr) return Value(static_cast<int64_t>(item.map()->items.size()));
  return InvalidArgument("len of type {}", item.TypeName());
}

StatusOr<Value> Call(Args args) {
  if (args[0].is_nil()) return InvalidArgument("call of nil");
  if (args[0].kind() != Value::Kind::kFunction) {
    return InvalidArgument("non-function of type {}", args[0].TypeName());
  }
  return args[0].as_function().call(args.subspan(1));
}

}  // namespace

std::string HtmlEscape(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (char c : text) {
    switch (c) {
      case '"': out += "&#34;"; break;
      case '\'': out += "&#39;"; break;
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '\0': out += "\uFFFD"; break;
      default: out += c;
    }
  }
  return out;
}

std::string JsEscape(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size();) {
    const DecodedRune rune = DecodeRune(text.substr(i));
    switch (rune.rune) {
      case '\\': out += "\\\\"; break;
      case '\'': out += "\\'"; break;
      case '"': out += "\\\""; break;
      case '<': out += "\\u003C"; break;
      case '>': out += "\\u003E"; break;
      case '&': out += "\\u0026"; break;
      case '=': out += "\\u003D"; break;
      default:
        if (rune.rune < 0x20 || (rune.rune >= 0x80 && !IsPrintableRune(rune.rune))) {
          out += fmt::format("\\u{:04X}", static_cast<uint32_t>(rune.rune));
        } else {
          out.append(text.substr(i, rune.width));
        }
    }
    i += rune.width;
  }
  return out;
}

// Go's url.QueryEscape. core_http has one too; a template should not pull in the network for it.
std::string UrlQueryEscape(std::string_view text) {
  constexpr std::string_view kPlain = "-_.~";
  std::string out;
  for (char c : text) {
    const bool word = (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
    if (word || kPlain.find(c) != std::string_view::npos) {
      out += c;
    } else if (c == ' ') {
      out += '+';
    } else {
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

const FunctionMap& Builtins() {
  static const FunctionMap* functions = new FunctionMap{
      {"not", {"a", [](Args a) -> StatusOr<Value> { return Value(!a[0].Truth()); }}},
      {"eq", {"aa*", [](Args a) { return ToValue(EqualsAny(a)); }}},
      {"ne", {"aa", [](Args a) { return ToValue(Equals(a[0], a[1]), true); }}},
      {"lt", {"aa", [](Args a) { return ToValue(Less(a[0], a[1])); }}},
      {"le", {"aa", [](Args a) { return ToValue(LessOrEqual(a[0], a[1])); }}},
      {"gt", {"aa", [](Args a) { return ToValue(LessOrEqual(a[0], a[1]), true); }}},
      {"ge", {"aa", [](Args a) { return ToValue(Less(a[0], a[1]), true); }}},
      {"len", {"a", Length}},
      {"index", {"aa*", Index}},
      {"slice", {"aa*", Slice}},
      {"call", {"aa*", Call}},
      {"print", {"a*", [](Args a) -> StatusOr<Value> { return Value(Print(a)); }}},
      {"println", {"a*", [](Args a) -> StatusOr<Value> { return Value(PrintLine(a)); }}},
      {"printf",
       {"sa*",
        [](Args a) -> StatusOr<Value> { return Value(Printf(a[0].as_string(), a.subspan(1))); }}},
      {"html", {"a*", [](Args a) -> StatusOr<Value> { return Value(HtmlEscape(Print(a))); }}},
      {"js", {"a*", [](Args a) -> StatusOr<Value> { return Value(JsEscape(Print(a))); }}},
      {"urlquery",
       {"a*", [](Args a) -> StatusOr<Value> { return Value(UrlQueryEscape(Print(a))); }}},
  };
  return *functions;
}

}  // namespace narthex::tmpl
