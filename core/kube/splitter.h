#pragma once
// Finds the objects of a list or of a watch in text that arrives in arbitrary pieces, so that one
// object at a time is decoded however long the whole is. Nothing is validated here beyond what
// tells where an object ends: decoding it does that.
//
// Not thread-safe.

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

#include "core/base/status.h"

namespace narthex::kube {

// Given one object's text, valid during the call. False: no more.
using ObjectText = std::function<bool(std::string_view)>;

// {"kind": "PodList", "metadata": {…}, "items": [{…}, {…}]}
class ListSplitter {
 public:
  ListSplitter(size_t max_object_bytes, ObjectText sink)
      : max_object_bytes_(max_object_bytes), sink_(std::move(sink)) {}

  // OutOfRange when an object, or what is around them, is too big; Cancelled when the sink said so.
  Status Feed(std::string_view piece);
  // What is around the objects, as a document of its own: {"kind": …, "metadata": …, "items": []}.
  const std::string& envelope() const { return envelope_; }
  // The document has ended.
  bool complete() const { return started_ && depth_ == 0; }

 private:
  static constexpr size_t kMaxEnvelope = 1 << 20;

  const char* SkipString(const char* at, const char* end);
  const char* Structural(const char* at);
  bool InObject() const { return in_items_ && depth_ > 2; }
  // The text from `mark_` to `to` belongs to the object, or to the envelope.
  void Collect(const char* to);
  void EndObject(const char* to);

  const size_t max_object_bytes_;
  const ObjectText sink_;
  std::string envelope_;
  std::string object_;  // its part that came in earlier pieces
  std::string name_;    // the last string at the top level
  const char* mark_ = nullptr;
  Status status_;
  int depth_ = 0;
  bool started_ = false;
  bool in_string_ = false;
  bool escaped_ = false;
  bool in_items_ = false;
  char last_ = 0;  // of the structural characters at the top level
};

// {"type": "ADDED", "object": {…}}\n{"type": …
class LineSplitter {
 public:
  LineSplitter(size_t max_line_bytes, ObjectText sink)
      : max_line_bytes_(max_line_bytes), sink_(std::move(sink)) {}
  Status Feed(std::string_view piece);

 private:
  const size_t max_line_bytes_;
  const ObjectText sink_;
  std::string line_;
};

}  // namespace narthex::kube
