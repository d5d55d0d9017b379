#include "core/kube/splitter.h"

#include <cstring>

namespace narthex::kube {

// Behind the closing quote, or the end of the piece.
const char* ListSplitter::SkipString(const char* at, const char* end) {
  const bool is_name = depth_ == 1;
  constexpr size_t kLongestName = 64;  // "items" is all that matters
  for (; at != end; ++at) {
    if (escaped_) {
      escaped_ = false;
    } else if (*at == '\\') {
      escaped_ = true;
    } else if (*at == '"') {
      in_string_ = false;
      return at + 1;
    }
    if (is_name && name_.size() < kLongestName) name_.push_back(*at);
  }
  return end;
}

void ListSplitter::Collect(const char* to) {
  std::string& out = InObject() ? object_ : envelope_;
  out.append(mark_, to);
  mark_ = to;
  if (envelope_.size() > kMaxEnvelope) status_ = OutOfRange("the list's envelope is too big");
  if (object_.size() > max_object_bytes_) {
    status_ = OutOfRange("an object of the list exceeds {} bytes", max_object_bytes_);
  }
}

void ListSplitter::EndObject(const char* to) {
  std::string_view text(mark_, static_cast<size_t>(to - mark_));
  if (!object_.empty() || text.size() > max_object_bytes_) {
    Collect(to);
    if (!status_.ok()) return;
    text = object_;
  }
  mark_ = to;
  if (!sink_(text)) status_ = Cancelled("stopped by the reader of the list");
  object_.clear();
}

const char* ListSplitter::Structural(const char* at) {
  const char c = *at;
  const char* const next = at + 1;
  switch (c) {
    case '"':
      in_string_ = true;
      if (depth_ == 1) name_.clear();
      return next;
    case '{':
    case '[':
      if (c == '{' && in_items_ && depth_ == 2) Collect(at);
      if (c == '[' && depth_ == 1 && last_ == ':' && name_ == "items") in_items_ = true;
      started_ = true;
      ++depth_;
      return next;
    case '}':
    case ']':
      if (c == '}' && in_items_ && depth_ == 3) EndObject(next);
      if (--depth_ < 0) status_ = InvalidArgument("the list is not valid JSON");
      if (depth_ == 1) in_items_ = false;
      return next;
    case ',':
      // Between objects: the envelope keeps an empty list.
      if (in_items_ && depth_ == 2) {
        Collect(at);
        mark_ = next;
      }
      [[fallthrough]];
    case ':':
      if (depth_ == 1) last_ = c;
      return next;
    default: return next;
  }
}

Status ListSplitter::Feed(std::string_view piece) {
  const char* at = piece.data();
  const char* const end = at + piece.size();
  mark_ = at;
  while (at != end && status_.ok()) at = in_string_ ? SkipString(at, end) : Structural(at);
  if (status_.ok()) Collect(end);
  return status_;
}

Status LineSplitter::Feed(std::string_view piece) {
  while (!piece.empty()) {
    const size_t end = piece.find('\n');
    const std::string_view part = piece.substr(0, end);
    if (line_.size() + part.size() > max_line_bytes_) {
      return OutOfRange("an event of the watch exceeds {} bytes", max_line_bytes_);
    }
    if (end == std::string_view::npos) {
      line_.append(part);
      return OkStatus();
    }
    std::string_view line = part;
    if (!line_.empty()) {
      line_.append(part);
      line = line_;
    }
    const bool more = line.empty() || sink_(line);
    line_.clear();
    if (!more) return Cancelled("stopped by the reader of the watch");
    piece.remove_prefix(end + 1);
  }
  return OkStatus();
}

}  // namespace narthex::kube
