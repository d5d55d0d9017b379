#pragma once
// The files of the web pages, embedded in the executable. Immutable; safe from any thread.

#include <cstddef>
#include <span>
#include <string_view>

namespace narthex::web {

struct Asset {
  std::string_view path;  // "index.html", "assets/index-1a2b3c.js"
  std::string_view content_type;
  std::string_view etag;  // quoted, of the uncompressed content
  std::string_view gzip;  // the content, compressed
  size_t size = 0;        // uncompressed
};

// Null for an unknown path.
const Asset* FindAsset(std::string_view path);
std::span<const Asset> AllAssets();

}  // namespace narthex::web
