#pragma once
// Many JSON documents one after the other, such as the objects of a long list: simdjson does the
// reading, its memory is kept from one document to the next, and a member that nobody wants is left
// out without being built.
//
// Takes and refuses what ParseJson does, under the same limits and with the same messages; the
// integer -0 is 0 here.
// Not thread-safe: one parser a thread.

#include <memory>
#include <string>
#include <string_view>

#include "core/json/reader.h"

namespace narthex {

class JsonObjectParser {
 public:
  // The member `name` of every object that is a member called `parent` is left out.
  struct Skip {
    std::string parent, name;
  };

  explicit JsonObjectParser(JsonLimits limits = {}, Skip skip = {});
  ~JsonObjectParser();
  JsonObjectParser(const JsonObjectParser&) = delete;
  JsonObjectParser& operator=(const JsonObjectParser&) = delete;

  StatusOr<JsonValue> Parse(std::string_view text);

 private:
  struct Impl;
  const std::unique_ptr<Impl> impl_;
};

}  // namespace narthex
