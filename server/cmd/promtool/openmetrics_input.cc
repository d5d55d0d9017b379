#include "server/cmd/promtool/openmetrics_input.h"

#include <sys/stat.h>

#include <cerrno>

#include "core/base/errno_text.h"
#include "core/base/file.h"

namespace narthex::promtool {
namespace {

constexpr size_t kMaxPiped = size_t{2} << 30;
// The reader takes bodies of up to 2 GiB; larger files are read in pieces of whole lines.
constexpr size_t kPiece = size_t{1} << 30;

}  // namespace

StatusOr<OpenMetricsInput> OpenMetricsInput::Open(const std::string& path) {
  struct stat info;
  if (::stat(path.c_str(), &info) != 0) return NotFound("stat {}: {}", path, ErrnoText(errno));
  OpenMetricsInput input;
  if (S_ISREG(info.st_mode)) {
    NX_ASSIGN_OR_RETURN(input.file_, MappedFile::Open(path));
    input.text_ = input.file_.data();
  } else {
    NX_ASSIGN_OR_RETURN(input.piped_, ReadFile(path, kMaxPiped));
  }
  return input;
}

OpenMetricsInput OpenMetricsInput::FromText(std::string_view text) {
  OpenMetricsInput input;
  input.text_ = text;
  return input;
}

Status OpenMetricsInput::ForEachSample(Visit visit) const {
  ScrapedType type = ScrapedType::kUnknown;
  for (std::string_view rest = text();;) {
    std::string_view piece = rest;
    if (rest.size() > kPiece) {
      const size_t end = rest.rfind('\n', kPiece);
      if (end == std::string_view::npos) return InvalidArgument("a line of more than 1 GiB");
      piece = rest.substr(0, end + 1);
    }
    const bool is_last = piece.size() == rest.size();
    TextReader reader(piece, TextDialect::kOpenMetrics);
    reader.Seek(0, type);
    while (is_last || reader.position() < piece.size()) {
      NX_ASSIGN_OR_RETURN(const TextReader::Entry entry, reader.Next());
      if (entry == TextReader::Entry::kEnd) return OkStatus();
      if (entry == TextReader::Entry::kSeries) NX_RETURN_IF_ERROR(visit(reader));
    }
    type = reader.type();
    rest.remove_prefix(piece.size());
  }
}

}  // namespace narthex::promtool
