#pragma once
// The input of a backfill: an OpenMetrics file of any size, read as often as needed.

#include <absl/functional/function_ref.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/mapped_file.h"
#include "core/base/status.h"
#include "core/exposition/text_reader.h"

namespace narthex::promtool {

class OpenMetricsInput {
 public:
  // A file is mapped; anything else, like a pipe, is read to its end (at most 2 GiB).
  static StatusOr<OpenMetricsInput> Open(const std::string& path);
  // Of the given text, which must outlive it.
  static OpenMetricsInput FromText(std::string_view text);

  // Calls visit for every sample; the reader stands on it. Stops at the first error.
  using Visit = absl::FunctionRef<Status(TextReader& sample)>;
  Status ForEachSample(Visit visit) const;

 private:
  std::string_view text() const { return !piped_.empty() ? piped_ : text_; }

  MappedFile file_;
  std::string piped_;
  std::string_view text_;
};

}  // namespace narthex::promtool
