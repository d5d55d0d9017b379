#include "core/json/writer.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <iterator>

#include "core/json/reader.h"
#include "core/strings/numbers.h"
#include "core/strings/utf8.h"

namespace narthex {
namespace {

// ASCII that passes through unescaped.
bool IsPlain(uint8_t c, bool escape_html) {
  if (c < 0x20 || c >= 0x80 || c == '"' || c == '\\') return false;
  return !escape_html || (c != '<' && c != '>' && c != '&');
}

void AppendEscaped(std::string* out, uint8_t c) {
  switch (c) {
    case '"': out->append("\\\""); break;
    case '\\': out->append("\\\\"); break;
    case '\n': out->append("\\n"); break;
    case '\r': out->append("\\r"); break;
    case '\t': out->append("\\t"); break;
    default: fmt::format_to(std::back_inserter(*out), "\\u{:04x}", c);
  }
}

template <typename T>
void AppendWhole(std::string* out, T value) {
  char buffer[24];
  out->append(buffer, std::to_chars(buffer, buffer + sizeof buffer, value).ptr);
}

}  // namespace

void AppendJsonString(std::string* out, std::string_view text, bool escape_html) {
  out->push_back('"');
  size_t start = 0, at = 0;
  auto flush = [&] { out->append(text.substr(start, at - start)); };
  while (at < text.size()) {
    const auto c = static_cast<uint8_t>(text[at]);
    if (IsPlain(c, escape_html)) {
      ++at;
      continue;
    }
    if (c < 0x80) {
      flush();
      AppendEscaped(out, c);
      start = ++at;
      continue;
    }
    const DecodedRune decoded = DecodeRune(text.substr(at));
    // Line and paragraph separators are legal JSON but not legal JavaScript.
    if (!decoded.valid || decoded.rune == 0x2028 || decoded.rune == 0x2029) {
      flush();
      fmt::format_to(std::back_inserter(*out), "\\u{:04x}", static_cast<uint32_t>(decoded.rune));
      start = at + decoded.width;
    }
    at += decoded.width;
  }
  flush();
  out->push_back('"');
}

void JsonWriter::Separate() {
  if (need_comma_) out_->push_back(',');
  need_comma_ = true;
}

JsonWriter& JsonWriter::BeginObject() {
  Separate();
  out_->push_back('{');
  need_comma_ = false;
  return *this;
}

JsonWriter& JsonWriter::EndObject() {
  out_->push_back('}');
  need_comma_ = true;
  return *this;
}

JsonWriter& JsonWriter::BeginArray() {
  Separate();
  out_->push_back('[');
  need_comma_ = false;
  return *this;
}

JsonWriter& JsonWriter::EndArray() {
  out_->push_back(']');
  need_comma_ = true;
  return *this;
}

JsonWriter& JsonWriter::Key(std::string_view key) {
  Separate();
  AppendJsonString(out_, key, html_);
  out_->push_back(':');
  need_comma_ = false;
  return *this;
}

JsonWriter& JsonWriter::String(std::string_view value) {
  Separate();
  AppendJsonString(out_, value, html_);
  return *this;
}

JsonWriter& JsonWriter::Int(int64_t value) {
  Separate();
  AppendWhole(out_, value);
  return *this;
}

JsonWriter& JsonWriter::Uint(uint64_t value) {
  Separate();
  AppendWhole(out_, value);
  return *this;
}

JsonWriter& JsonWriter::Double(double value) {
  if (!std::isfinite(value)) return Null();
  Separate();
  const size_t start = out_->size();
  AppendApiFloat(out_, value);
  // encoding/json writes e-09 as e-9.
  const size_t n = out_->size();
  if (n - start >= 4 && (*out_)[n - 4] == 'e' && (*out_)[n - 3] == '-' && (*out_)[n - 2] == '0') {
    out_->erase(n - 2, 1);
  }
  return *this;
}

JsonWriter& JsonWriter::Bool(bool value) { return Raw(value ? "true" : "false"); }

JsonWriter& JsonWriter::Null() { return Raw("null"); }

JsonWriter& JsonWriter::Raw(std::string_view json) {
  Separate();
  out_->append(json);
  return *this;
}

JsonWriter& JsonWriter::Value(const JsonValue& value) {
  switch (value.type()) {
    case JsonValue::Type::kNull: return Null();
    case JsonValue::Type::kBool: return Bool(value.AsBool());
    case JsonValue::Type::kNumber:
      return value.AsDouble() == std::floor(value.AsDouble()) ? Int(value.AsInt())
                                                              : Double(value.AsDouble());
    case JsonValue::Type::kString: return String(value.AsString());
    case JsonValue::Type::kArray:
      BeginArray();
      for (const JsonValue& item : value.items()) Value(item);
      return EndArray();
    case JsonValue::Type::kObject:
      BeginObject();
      for (const auto& [name, member] : value.members()) Key(name).Value(member);
      return EndObject();
  }
  return *this;
}

}  // namespace narthex
