#pragma once
// Value types of configuration fields. Each reads from any scalar and prints canonically.

#include <compare>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "core/base/status.h"
#include "core/labels/regex.h"

namespace narthex::config {

// Prometheus' duration: "1d2h", "90s" prints "1m30s".
struct Duration {
  int64_t ms = 0;

  static StatusOr<Duration> ParseText(std::string_view text);
  std::string ToText() const;
  bool IsZero() const { return ms == 0; }
  friend auto operator<=>(const Duration&, const Duration&) = default;
};

// Go's duration: "1.5h", "-3s", "300ms".
struct GoDuration {
  int64_t nanos = 0;

  static StatusOr<GoDuration> ParseText(std::string_view text);
  std::string ToText() const;
  bool IsZero() const { return nanos == 0; }
  friend auto operator<=>(const GoDuration&, const GoDuration&) = default;
};

// "512MB", powers of two.
struct Size {
  int64_t bytes = 0;

  static StatusOr<Size> ParseText(std::string_view text);
  std::string ToText() const;
  bool IsZero() const { return bytes == 0; }
  friend auto operator<=>(const Size&, const Size&) = default;
};

// A text that prints as <secret>.
struct Secret {
  std::string text;

  static StatusOr<Secret> ParseText(std::string_view value) { return Secret{std::string(value)}; }
  std::string ToText() const { return "<secret>"; }
  bool IsZero() const { return text.empty(); }
  friend bool operator==(const Secret&, const Secret&) = default;
};

// A URL kept as written, checked, printed without its password.
struct Url {
  std::string text;

  static StatusOr<Url> ParseText(std::string_view value);
  std::string ToText() const;
  bool IsZero() const { return text.empty(); }
  friend bool operator==(const Url&, const Url&) = default;
};

// An anchored regular expression, compiled on reading.
struct AnchoredPattern {
  std::string text;
  std::shared_ptr<const AnchoredRegex> regex;

  static StatusOr<AnchoredPattern> ParseText(std::string_view value);
  std::string ToText() const { return text; }
  bool IsZero() const { return regex == nullptr; }
  friend bool operator==(const AnchoredPattern& a, const AnchoredPattern& b) {
    return a.text == b.text;
  }
};

}  // namespace narthex::config
