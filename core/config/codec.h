#pragma once
// Codecs: how one type of field is read, printed and named in errors. Included by decode.h.
//
//   static void Decode(Context&, const Node&, T*);   // reports to the context
//   static NodePtr Encode(const T&);
//   static bool IsZero(const T&);
//   static std::string GoType();                      // "int", "[]string", "config.Route"
//
// A type with `static StatusOr<T> ParseText(std::string_view)`, `std::string ToText() const` and
// `bool IsZero() const` needs no codec of its own: its text is read from any scalar, and a failing
// ParseText ends the decode.

#include <concepts>
#include <functional>
#include <map>
#include <optional>
#include <type_traits>

#include "core/config/decode.h"
#include "core/labels/labels.h"

namespace narthex::config {

template <typename T>
concept HasDescribeMember = requires(T& v, Fields& f) { v.Describe(f); };
template <typename T>
concept HasFreeDescribe = requires(T& v, Fields& f) { Describe(f, v); };
template <typename T>
concept Described = HasDescribeMember<T> || HasFreeDescribe<T>;

template <typename T>
concept HasText = requires(const T& v, std::string_view text) {
  { T::ParseText(text) } -> std::same_as<StatusOr<T>>;
  { v.ToText() } -> std::convertible_to<std::string>;
  { v.IsZero() } -> std::same_as<bool>;
};

// A struct that prints something even at its zero value says itself when it is zero, by a free
// IsZero(const T&) beside it.
template <typename T>
bool IsZeroStruct(const T& value);

template <typename T>
void CallDescribe(Fields& f, T& value) {
  if constexpr (HasDescribeMember<T>) {
    value.Describe(f);
  } else {
    Describe(f, value);
  }
}

template <typename T>
Status CallAfterDecode(T& value) {
  if constexpr (requires { value.AfterDecode(); }) {
    return value.AfterDecode();
  } else if constexpr (requires { AfterDecode(value); }) {
    return AfterDecode(value);
  } else {
    return OkStatus();
  }
}

// The text a scalar gives a string: its source text, "" for null. False (and an error) for others.
bool DecodeText(Context& context, const Node& node, std::string_view go_type, std::string* out);
bool DecodeInt(Context& context, const Node& node, std::string_view go_type, int64_t min,
               int64_t max, int64_t* out);
bool DecodeUint(Context& context, const Node& node, std::string_view go_type, uint64_t max,
                uint64_t* out);
void DecodeBool(Context& context, const Node& node, bool* out);
void DecodeDouble(Context& context, const Node& node, double* out);

template <>
struct Codec<std::string> {
  static void Decode(Context& context, const Node& node, std::string* out) {
    DecodeText(context, node, "string", out);
  }
  static NodePtr Encode(const std::string& v) { return MakeString(v); }
  static bool IsZero(const std::string& v) { return v.empty(); }
  static std::string GoType() { return "string"; }
};

template <>
struct Codec<bool> {
  static void Decode(Context& context, const Node& node, bool* out) {
    DecodeBool(context, node, out);
  }
  static NodePtr Encode(bool v) { return MakePlain(v ? "true" : "false"); }
  static bool IsZero(bool v) { return !v; }
  static std::string GoType() { return "bool"; }
};

template <>
struct Codec<double> {
  static void Decode(Context& context, const Node& node, double* out) {
    DecodeDouble(context, node, out);
  }
  static NodePtr Encode(double v);
  static bool IsZero(double v) { return v == 0; }
  static std::string GoType() { return "float64"; }
};

template <typename T>
  requires std::integral<T>
struct Codec<T> {
  static void Decode(Context& context, const Node& node, T* out) {
    if constexpr (std::is_signed_v<T>) {
      int64_t v = 0;
      if (DecodeInt(context, node, GoType(), std::numeric_limits<T>::min(),
                    std::numeric_limits<T>::max(), &v)) {
        *out = static_cast<T>(v);
      }
    } else {
      uint64_t v = 0;
      if (DecodeUint(context, node, GoType(), std::numeric_limits<T>::max(), &v)) {
        *out = static_cast<T>(v);
      }
    }
  }
  static NodePtr Encode(T v) { return MakePlain(fmt::format("{}", v)); }
  static bool IsZero(T v) { return v == 0; }
  static std::string GoType() {
    if constexpr (std::is_signed_v<T>) return sizeof(T) == 4 ? "int32" : "int";
    return sizeof(T) == 4 ? "uint32" : "uint";
  }
};

template <HasText T>
struct Codec<T> {
  static void Decode(Context& context, const Node& node, T* out) {
    if (node.is_null()) {
      *out = T{};
      return;
    }
    std::string text;
    if (!DecodeText(context, node, "string", &text)) return;
    StatusOr<T> parsed = T::ParseText(text);
    if (!parsed.ok()) return context.Abort(parsed.status());
    *out = *std::move(parsed);
  }
  static NodePtr Encode(const T& v) { return MakeString(v.ToText()); }
  static bool IsZero(const T& v) { return v.IsZero(); }
  static std::string GoType() { return "string"; }
};

template <typename T>
struct Codec<std::optional<T>> {
  static void Decode(Context& context, const Node& node, std::optional<T>* out) {
    if (node.is_null()) {
      out->reset();
      return;
    }
    T value{};
    Codec<T>::Decode(context, node, &value);
    *out = std::move(value);
  }
  static NodePtr Encode(const std::optional<T>& v) {
    return v.has_value() ? Codec<T>::Encode(*v) : MakeNull();
  }
  static bool IsZero(const std::optional<T>& v) { return !v.has_value(); }
  static std::string GoType() { return Codec<T>::GoType(); }
};

// A struct with `static constexpr std::string_view kNullItemError` refuses null list items with it.
template <typename T>
struct Codec<std::vector<T>> {
  static void Decode(Context& context, const Node& node, std::vector<T>* out) {
    out->clear();
    if (node.is_null()) return;
    if (!node.is_sequence()) return context.AddMismatch(node, GoType());
    out->reserve(node.items.size());
    for (const NodePtr& item : node.items) {
      if constexpr (requires { T::kNullItemError; }) {
        if (item->is_null()) return context.Abort(InvalidArgument("{}", T::kNullItemError));
      }
      out->emplace_back();
      Codec<T>::Decode(context, *item, &out->back());
      if (context.aborted()) return;
    }
  }
  static NodePtr Encode(const std::vector<T>& v) {
    std::vector<NodePtr> items;
    items.reserve(v.size());
    for (const T& item : v) items.push_back(Codec<T>::Encode(item));
    return MakeSequence(std::move(items));
  }
  static bool IsZero(const std::vector<T>& v) { return v.empty(); }
  static std::string GoType() {
    if constexpr (Described<T>) return "[]*" + Codec<T>::GoType();
    return "[]" + Codec<T>::GoType();
  }
};

// The entries of a mapping with free keys; duplicates are reported. Stops at the first abort.
void DecodeMap(Context& context, const Node& node, const std::string& go_type,
               const std::function<void(const std::string& key, const Node& value)>& add);

template <typename T>
struct Codec<std::map<std::string, T>> {
  static void Decode(Context& context, const Node& node, std::map<std::string, T>* out) {
    out->clear();
    DecodeMap(context, node, GoType(), [&](const std::string& key, const Node& value) {
      Codec<T>::Decode(context, value, &(*out)[key]);
    });
  }
  static NodePtr Encode(const std::map<std::string, T>& v) {
    std::vector<std::pair<std::string, NodePtr>> members;
    members.reserve(v.size());
    for (const auto& [key, value] : v) members.emplace_back(key, Codec<T>::Encode(value));
    return MakeMapping(std::move(members));
  }
  static bool IsZero(const std::map<std::string, T>& v) { return v.empty(); }
  static std::string GoType() { return "map[string]" + Codec<T>::GoType(); }
};

// A label set: any valid UTF-8 names and values; further rules are the owner's to check.
template <>
struct Codec<Labels> {
  static void Decode(Context& context, const Node& node, Labels* out);
  static NodePtr Encode(const Labels& v);
  static bool IsZero(const Labels& v) { return v.empty(); }
  static std::string GoType() { return "map[string]string"; }
};

// A value with the place it came from, for errors that name it (rule files).
template <typename T>
struct Located {
  T value{};
  int line = 0;
  int column = 0;
};

template <typename T>
struct Codec<Located<T>> {
  static void Decode(Context& context, const Node& node, Located<T>* out) {
    out->line = node.line;
    out->column = node.column;
    Codec<T>::Decode(context, node, &out->value);
  }
  static NodePtr Encode(const Located<T>& v) { return Codec<T>::Encode(v.value); }
  static bool IsZero(const Located<T>& v) { return Codec<T>::IsZero(v.value); }
  static std::string GoType() { return Codec<T>::GoType(); }
};

template <Described T>
struct Codec<T> {
  static void Decode(Context& context, const Node& node, T* out) {
    if (node.is_null() || context.aborted()) return;
    if (!node.is_mapping()) return context.AddMismatch(node, KeyType());
    const size_t errors_before = context.error_count();
    Fields fields = Fields::ForDecode(context, node);
    CallDescribe(fields, *out);
    fields.RunLater([out] { return CallAfterDecode(*out); });
    fields.Finish(errors_before);
  }
  static NodePtr Encode(const T& v) {
    Fields fields = Fields::ForPrint();
    CallDescribe(fields, const_cast<T&>(v));
    return fields.TakePrinted();
  }
  static bool IsZero(const T& v) { return IsZeroStruct(v); }
  static std::string GoType() { return Name().outer_type_name(); }

 private:
  static Fields Name() {
    Fields fields = Fields::ForTypeName();
    T value{};
    CallDescribe(fields, value);
    return fields;
  }
  static std::string KeyType() { return Name().type_name(); }
};

template <typename T>
bool IsZeroStruct(const T& value) {
  if constexpr (requires {
                  { IsZero(value) } -> std::same_as<bool>;
                }) {
    return IsZero(value);
  } else {
    return Codec<T>::Encode(value)->members.empty();
  }
}

template <typename T>
void Fields::Field(std::string_view key, T& value, Print print) {
  if (mode_ == Mode::kDecode) {
    Entry* entry = Find(key);
    if (entry != nullptr && !context_->aborted()) {
      Codec<T>::Decode(*context_, *entry->value, &value);
    }
  } else if (mode_ == Mode::kPrint && print != Print::kNever) {
    if (print == Print::kAlways || !Codec<T>::IsZero(value)) {
      printed_.emplace_back(std::string(key), Codec<T>::Encode(value));
    }
  }
}

template <typename T>
void Fields::Inline(T& value) {
  ++inline_depth_;
  CallDescribe(*this, value);
  --inline_depth_;
  if (mode_ == Mode::kDecode) RunLater([&value] { return CallAfterDecode(value); });
}

}  // namespace narthex::config
