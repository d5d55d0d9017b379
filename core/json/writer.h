#pragma once
// A streaming JSON writer: no tree, no allocation but the output. Commas and colons are placed by
// the writer; nesting is the caller's to balance. Strings are escaped as Go's encoding/json does,
// <, > and & included unless told otherwise; invalid UTF-8 becomes U+FFFD.
//
//   JsonWriter json(&out);
//   json.BeginObject().Key("status").String("success").Key("data").BeginArray().EndArray().EndObject();

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace narthex {

class JsonValue;

class JsonWriter {
 public:
  explicit JsonWriter(std::string* out, bool escape_html = true) : out_(out), html_(escape_html) {}

  // For the strings to come. Returns what held before.
  bool EscapeHtml(bool on) { return std::exchange(html_, on); }

  JsonWriter& BeginObject();
  JsonWriter& EndObject();
  JsonWriter& BeginArray();
  JsonWriter& EndArray();
  JsonWriter& Key(std::string_view key);
  JsonWriter& String(std::string_view value);
  JsonWriter& Int(int64_t value);
  JsonWriter& Uint(uint64_t value);
  JsonWriter& Double(double value);  // Go's encoding/json float64; NaN and Inf become null
  JsonWriter& Bool(bool value);
  JsonWriter& Null();
  JsonWriter& Raw(std::string_view json);     // an already encoded value
  JsonWriter& Value(const JsonValue& value);  // a whole tree, members in its order

  // Shorthands for members of an object.
  JsonWriter& Member(std::string_view key, std::string_view value) {
    return Key(key).String(value);
  }

 private:
  void Separate();
  std::string* out_;
  bool html_;
  bool need_comma_ = false;
};

void AppendJsonString(std::string* out, std::string_view text, bool escape_html = true);

}  // namespace narthex
