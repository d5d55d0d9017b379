#pragma once
// Plain HTTP values shared by server and client.

#include <cctype>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/status.h"

namespace narthex::http {

// Header fields in order of arrival; look-ups ignore case.
class Headers {
 public:
  void Add(std::string name, std::string value) {
    fields_.emplace_back(std::move(name), std::move(value));
  }
  // More of the value of the field added last, which is there (a folded line).
  void Continue(std::string_view more) {
    std::string& value = fields_.back().second;
    if (!more.empty()) value.append(value.empty() ? "" : " ").append(more);
  }
  void Reserve(size_t fields) { fields_.reserve(fields); }
  void Set(std::string_view name, std::string value);  // replaces every field of that name
  void Remove(std::string_view name);
  // The first field of that name, or "".
  std::string_view Get(std::string_view name) const;
  bool Has(std::string_view name) const;
  std::vector<std::string_view> GetAll(std::string_view name) const;

  auto begin() const { return fields_.begin(); }
  auto end() const { return fields_.end(); }

 private:
  std::vector<std::pair<std::string, std::string>> fields_;
};

// Decoded query or form parameters in order. Go's url.Values with its order kept.
class Params {
 public:
  void Add(std::string name, std::string value) {
    values_.emplace_back(std::move(name), std::move(value));
  }
  std::string_view Get(std::string_view name) const;  // first, or ""
  bool Has(std::string_view name) const;
  std::vector<std::string> GetAll(std::string_view name) const;
  bool empty() const { return values_.empty(); }
  auto begin() const { return values_.begin(); }
  auto end() const { return values_.end(); }
  void Append(const Params& other) {
    values_.insert(values_.end(), other.values_.begin(), other.values_.end());
  }
  std::string Encode() const;  // application/x-www-form-urlencoded, order kept

 private:
  std::vector<std::pair<std::string, std::string>> values_;
};

// "a=b&c=d" with + and %xx decoded; InvalidArgument on a bad escape, OutOfRange over `limit` pairs.
StatusOr<Params> ParseForm(std::string_view text, size_t limit = 10000);
// The same, but malformed pairs are left out and pairs over the limit ignored (Go's URL.Query()).
Params ParseFormLeniently(std::string_view text, size_t limit = 10000);
StatusOr<std::string> PercentDecode(std::string_view text, bool plus_is_space = false);
std::string QueryEscape(std::string_view text);  // Go's url.QueryEscape
std::string PathEscape(std::string_view text);   // Go's url.PathEscape

// An absolute URL, split. user and password are decoded; path and query stay as written.
struct Url {
  std::string scheme, user, password, host, port, path, query, fragment;
  bool has_user = false;
  bool has_password = false;

  static StatusOr<Url> Parse(std::string_view text);
  std::string effective_port() const;  // port, or 80 / 443 / 1080 by scheme
  std::string host_port() const;       // as in the Host header; IPv6 in brackets
  std::string target() const;          // path and query; "/" when empty
  std::string ToString(bool redact_password = false) const;  // password as xxxxx when redacted
  // Resolves a Location header against this URL (RFC 3986 5.2).
  StatusOr<Url> Resolve(std::string_view reference) const;
};

std::string_view StatusText(int code);

}  // namespace narthex::http
