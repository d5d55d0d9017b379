#include "core/http/chunk_decoder.h"

#include <algorithm>
#include <charconv>

#include "core/http/ascii.h"

namespace narthex::http {
namespace {
constexpr size_t kMaxLine = 4096;
constexpr uint64_t kMaxOverhead = 16 << 10;
}  // namespace

size_t ChunkDecoder::Put(std::string_view data, std::string_view* piece) {
  *piece = {};
  if (state_ != State::kData) return PutLine(data);
  *piece = data.substr(0, left_);
  left_ -= piece->size();
  if (left_ == 0) state_ = State::kDataEnd;
  return piece->size();
}

size_t ChunkDecoder::PutLine(std::string_view data) {
  const size_t end = data.find('\n');
  const size_t used = end == std::string_view::npos ? data.size() : end + 1;
  const size_t most = state_ == State::kTrailer ? trailer_room_ : kMaxLine;
  if (partial_.size() + used > most) {
    what_ = state_ == State::kTrailer ? "trailer too long" : "chunked line too long";
    return used;
  }
  if (end == std::string_view::npos || !partial_.empty()) partial_.append(data.substr(0, used));
  if (end == std::string_view::npos) return used;
  const std::string_view line = partial_.empty() ? data.substr(0, used) : partial_;
  if (line.ends_with("\r\n")) {
    OnLine(line.substr(0, line.size() - 2));
  } else {
    what_ = "chunked line ends with bare LF";
  }
  partial_.clear();
  return used;
}

void ChunkDecoder::OnLine(std::string_view line) {
  if (state_ == State::kSize) return OnSize(line);
  if (state_ == State::kDataEnd) {
    if (!line.empty()) what_ = "malformed chunked encoding";
    state_ = State::kSize;
    return;
  }
  if (line.empty()) {
    state_ = State::kDone;
    return;
  }
  trailer_room_ -= std::min(trailer_room_, line.size() + 2);
  if (line.find(':') == std::string_view::npos) what_ = "malformed trailer";
}

void ChunkDecoder::OnSize(std::string_view line) {
  while (line.ends_with(' ') || line.ends_with('\t')) line.remove_suffix(1);
  const std::string_view digits = line.substr(0, line.find(';'));
  const char* const end = digits.data() + digits.size();
  const auto [rest, error] = std::from_chars(digits.data(), end, left_, 16);
  if (digits.empty()) {
    what_ = "empty hex number for chunk length";
  } else if (error == std::errc::result_out_of_range || left_ > INT64_MAX) {
    what_ = "http chunk length too large";
  } else if (error != std::errc() || rest != end || line.find('\r') != std::string_view::npos) {
    what_ = "invalid byte in chunk length";
  }
  overhead_ += line.size() + 2;
  const uint64_t fair = left_ < INT64_MAX / 4 ? 16 + 2 * left_ : UINT64_MAX;
  overhead_ -= std::min(overhead_, fair);
  if (overhead_ > kMaxOverhead) what_ = "chunked encoding contains too much non-data";
  state_ = left_ == 0 ? State::kTrailer : State::kData;
}

}  // namespace narthex::http
