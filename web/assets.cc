#include "web/assets.h"

namespace narthex::web {

const Asset* FindAsset(std::string_view path) {
  for (const Asset& asset : AllAssets()) {
    if (asset.path == path) return &asset;
  }
  return nullptr;
}

}  // namespace narthex::web
