#pragma once
// Strict YAML into plain structs, and back.
//
// A struct is described once; the description decodes it, refuses what it does not name, and prints
// it again:
//
//   struct Target {
//     std::string host;                    // default values are those of the struct
//     config::Duration interval{60'000};
//     std::string password;
//     std::vector<Target> children;
//
//     void Describe(config::Fields& f) {   // or a free Describe(config::Fields&, Target&)
//       f.Type("config.plain");            // as go-yaml names the type in its errors
//       f.Field("host", host);
//       f.Field("interval", interval);
//       f.Secret("password", password);
//       f.Field("children", children);
//     }
//     Status AfterDecode();                // optional: checks and fills in, children first
//   };
//
//   Target target;
//   Status status = config::Decode(text, &target);
//   std::string text = config::Marshal(target);
//
// Errors. Wrong kinds, unknown and duplicate keys are collected over the document:
//   yaml: unmarshal errors:\n  line 3: field foo not found in type config.plain
// A failing AfterDecode, Fail or value syntax ("not a valid duration string: …") ends the decode
// and is returned as it is. AfterDecode is not called for a struct that has errors of the first
// sort.
//
// Null ("key:") gives the zero value of a scalar or list, an absent optional, and leaves a struct
// at its defaults. Printing keeps the order of the description and leaves out zero values unless
// told otherwise. A field type is anything with a Codec (codec.h): string, bool, integers, double,
// optional<T>, vector<T>, map<string, T>, described structs, types with ParseText/ToText.
//
// Not thread-safe; a decode owns its own state.

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/status.h"
#include "core/config/node.h"

namespace narthex::config {

// How duplicate keys are reported: go-yaml v2 names the struct type, v3 (rule files) the first
// line.
enum class Dialect { kV2, kV3 };

// The errors of one decode.
class Context {
 public:
  explicit Context(Dialect dialect = Dialect::kV2) : dialect_(dialect) {}

  Dialect dialect() const { return dialect_; }
  // Keys that nobody asks for are errors unless told otherwise.
  void set_ignore_unknown(bool ignore) { ignore_unknown_ = ignore; }
  bool ignore_unknown() const { return ignore_unknown_; }
  // Keys given to Fields::Refuse are errors unless told otherwise: for readers that need only
  // what is implemented of a file.
  void set_ignore_refused(bool ignore) { ignore_refused_ = ignore; }
  bool ignore_refused() const { return ignore_refused_; }
  void AddError(int line, std::string message);
  // "line 4: cannot unmarshal !!str `abc` into int"
  void AddMismatch(const Node& node, std::string_view go_type);
  void Abort(Status status);  // the first one counts
  bool aborted() const { return !abort_.ok(); }
  size_t error_count() const { return errors_.size(); }
  Status Result();

 private:
  const Dialect dialect_;
  bool ignore_unknown_ = false;
  bool ignore_refused_ = false;
  std::vector<std::pair<int, std::string>> errors_;
  Status abort_;
};

template <typename T>
struct Codec;  // codec.h

enum class Print {
  kNonZero,  // unless it is the zero value (Go's omitempty)
  kAlways,
  kNever,
};

// One pass over the fields of one struct: decoding, printing, or asking for its type name.
class Fields {
 public:
  static Fields ForDecode(Context& context, const Node& mapping);
  static Fields ForPrint();
  static Fields ForTypeName();

  bool decoding() const { return mode_ == Mode::kDecode; }
  bool printing() const { return mode_ == Mode::kPrint; }
  // The node being decoded; line() is 0 otherwise.
  int line() const { return line_; }

  // `name` as errors about keys show it; `outer` as errors about a wrong kind do ("config.Route").
  void Type(std::string_view name, std::string_view outer = {});

  template <typename T>
  void Field(std::string_view key, T& value, Print print = Print::kNonZero);
  // The fields of a struct inside this one's mapping. Its AfterDecode runs when all are read.
  template <typename T>
  void Inline(T& value);
  // A string that prints as <secret>.
  void Secret(std::string_view key, std::string& value);
  // A URL as text, checked; its password prints as xxxxx.
  void Url(std::string_view key, std::string& value, Print print = Print::kNonZero);
  // Prometheus durations and sizes ("512MB") in plain integers.
  void Millis(std::string_view key, int64_t& ms, Print print = Print::kNonZero);
  void Bytes(std::string_view key, int64_t& bytes, Print print = Print::kNonZero);
  // A list that prints in one line: [a, b].
  void FlowList(std::string_view key, std::vector<std::string>& values);
  // A key upstream knows and we do not implement: refused by name when present and not null, with
  // `what` it is.
  void Refuse(std::string_view key, std::string_view what);
  // Was the key in the mapping (null or not)? For decoding only, before or after its Field.
  bool Has(std::string_view key) const;
  // The value of a key that Field cannot express; nullptr when absent or null. Marks it as known.
  const Node* Take(std::string_view key);
  // The counterpart of Take.
  void Put(std::string_view key, NodePtr value);
  // Ends the decode with this status, unless the struct has errors of kind or name.
  void Fail(Status status);

  Context* context() { return context_; }
  const std::string& type_name() const { return type_; }
  const std::string& outer_type_name() const { return outer_; }

  // For codecs: reports keys nobody asked for, then runs Fail and AfterDecode.
  void Finish(size_t errors_before);
  void RunLater(std::function<Status()> check) { checks_.push_back(std::move(check)); }
  NodePtr TakePrinted();

 private:
  enum class Mode { kDecode, kPrint, kTypeName };
  explicit Fields(Mode mode) : mode_(mode) {}
  Entry* Find(std::string_view key);

  Mode mode_;
  Context* context_ = nullptr;
  int line_ = 0;
  int inline_depth_ = 0;
  std::string type_, outer_;
  std::vector<Entry> entries_;
  std::vector<bool> taken_;
  std::vector<std::function<Status()>> checks_;
  std::vector<std::pair<std::string, NodePtr>> printed_;
};

}  // namespace narthex::config

#include "core/config/codec.h"

namespace narthex::config {

// Decodes a node over the defaults in *out.
template <typename T>
Status DecodeNode(const Node& node, T* out, Context* context) {
  if (node.is_null() && Described<T>) {
    Codec<T>::Decode(*context, *MakeMapping({}), out);  // an empty file: defaults, checked
  } else {
    Codec<T>::Decode(*context, node, out);
  }
  return context->Result();
}
template <typename T>
Status DecodeNode(const Node& node, T* out, Dialect dialect = Dialect::kV2,
                  bool ignore_unknown = false) {
  Context context(dialect);
  context.set_ignore_unknown(ignore_unknown);
  return DecodeNode(node, out, &context);
}

// Decodes the first document of the text over the defaults in *out.
template <typename T>
Status Decode(std::string_view text, T* out, Dialect dialect = Dialect::kV2) {
  NX_ASSIGN_OR_RETURN(NodePtr node, ReadDocument(text));
  return DecodeNode(*node, out, dialect);
}

template <typename T>
NodePtr MarshalNode(const T& value) {
  return Codec<T>::Encode(value);
}

template <typename T>
std::string Marshal(const T& value) {
  return Emit(*MarshalNode(value));
}

}  // namespace narthex::config
