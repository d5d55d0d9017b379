#pragma once
// Text to stdout in large pieces, and how a command fails.

#include <cstdio>
#include <string>
#include <string_view>

#include "core/base/status.h"

namespace narthex::promtool {

inline constexpr int kOk = 0;
inline constexpr int kFailed = 1;

// Buffers what a command prints; writes at the end of its life.
class Output {
 public:
  explicit Output(std::FILE* file = stdout) : file_(file) {}
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;
  ~Output() { Flush(); }

  template <typename... Args>
  void Print(fmt::format_string<Args...> format, Args&&... args) {
    fmt::format_to(std::back_inserter(text_), format, std::forward<Args>(args)...);
    FlushWhenLarge();
  }
  void Write(std::string_view text) {
    text_.append(text);
    FlushWhenLarge();
  }
  // For appending; call FlushWhenLarge after a line.
  std::string& text() { return text_; }
  void FlushWhenLarge() {
    if (text_.size() > kLarge) Flush();
  }
  void Flush() {
    std::fwrite(text_.data(), 1, text_.size(), file_);
    std::fflush(file_);
    text_.clear();
  }

 private:
  static constexpr size_t kLarge = 64 << 10;
  std::FILE* file_;
  std::string text_;
};

// To the two streams in the order of the calls.
inline void Print(const std::string& text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}
inline void PrintError(const std::string& text) {
  std::fwrite(text.data(), 1, text.size(), stderr);
}

// Prints the error; the exit code.
inline int Fail(const Status& status) {
  std::fflush(stdout);
  std::fprintf(stderr, "%s\n", std::string(MessageOf(status)).c_str());
  return kFailed;
}
inline int ExitCode(const Status& status) { return status.ok() ? kOk : Fail(status); }

}  // namespace narthex::promtool
