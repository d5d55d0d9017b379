#include "core/http/clean_path.h"

#include <vector>

#include "core/http/types.h"

namespace narthex::http {
namespace {

// Calls with each segment of a path that begins with a slash; stops when told so.
template <typename Visit>
void ForSegments(std::string_view path, Visit&& visit) {
  if (path.starts_with('/')) path.remove_prefix(1);
  for (;;) {
    const size_t slash = path.find('/');
    const bool last = slash == std::string_view::npos;
    if (!visit(path.substr(0, slash), last) || last) return;
    path.remove_prefix(slash + 1);
  }
}

}  // namespace

bool IsCleanPath(std::string_view path) {
  bool clean = path.starts_with('/');
  ForSegments(path, [&](std::string_view segment, bool last) {
    clean = clean && segment != "." && segment != ".." && (last || !segment.empty());
    return clean;
  });
  return clean;
}

std::string CleanPath(std::string_view path) {
  std::vector<std::string_view> kept;
  ForSegments(path, [&](std::string_view segment, bool) {
    if (segment == "..") {
      if (!kept.empty()) kept.pop_back();
    } else if (!segment.empty() && segment != ".") {
      kept.push_back(segment);
    }
    return true;
  });
  std::string clean;
  for (const std::string_view segment : kept) clean.append("/").append(segment);
  if (clean.empty() || path.ends_with('/')) clean += '/';
  return clean;
}

std::string CleanLocation(std::string_view path, std::string_view raw_query) {
  const std::string clean = CleanPath(path);
  std::string location;
  ForSegments(clean, [&](std::string_view segment, bool) {
    location.append("/").append(PathEscape(segment));
    return true;
  });
  if (!raw_query.empty()) location.append("?").append(raw_query);
  return location;
}

}  // namespace narthex::http
