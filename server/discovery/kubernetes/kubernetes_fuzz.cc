// Kubernetes objects of any shape, alone and joined, in lists and watches cut at any place: nothing
// crashes, and what comes out has an address and no empty label.

#include <cstdint>
#include <cstdlib>

#include "core/json/object_parser.h"
#include "core/kube/config.h"
#include "core/kube/splitter.h"
#include "server/discovery/kubernetes/join.h"

namespace {

using namespace narthex;                         // NOLINT
using namespace narthex::discovery::kubernetes;  // NOLINT

constexpr size_t kLimit = 1 << 16;

void Require(bool holds) {
  if (!holds) std::abort();
}

void DigestAll(std::string_view text) {
  static JsonObjectParser parser({.max_bytes = kLimit},
                                 {.parent = "metadata", .name = "managedFields"});
  const auto parsed = parser.Parse(text);
  if (!parsed.ok()) return;
  const JsonValue& object = (*parsed)["object"].is_object() ? (*parsed)["object"] : *parsed;
  std::vector<Entry> entries;
  for (size_t kind = 0; kind < kKinds; ++kind) {
    entries.push_back(Digest(static_cast<Kind>(kind), object));
  }
  const AttachMetadata everything{true, true, true, true, true};
  // Whoever is asked for, it is this object.
  const Lookup lookup = [&](Kind kind, const std::string&) {
    return &entries[static_cast<size_t>(kind)];
  };
  const std::string key = kube::KeyOf(object);
  for (size_t role = 0; role <= static_cast<size_t>(Kind::kIngress); ++role) {
    const GroupPtr group = Join(static_cast<Kind>(role), key, entries[role], everything, lookup);
    Require(group != nullptr && group->source == SourceOf(static_cast<Kind>(role), key));
    for (const Labels& target : group->targets) {
      for (const Label& label : target) Require(!label.name.empty() && !label.value.empty());
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2 || size > kLimit) return 0;
  const size_t piece = data[0] == 0 ? size : data[0];
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  DigestAll(text);
  const auto digest = [](std::string_view object) {
    DigestAll(object);
    return true;
  };
  kube::ListSplitter list(kLimit / 2, digest);
  kube::LineSplitter lines(kLimit / 2, digest);
  for (size_t at = 0; at < text.size(); at += piece) {
    const std::string part(text.substr(at, piece));
    if (!list.Feed(part).ok() || !lines.Feed(part).ok()) break;
  }
  (void)CheckLabelSelector(text);
  (void)CheckFieldSelector(text);
  (void)kube::ParseKubeconfig(text, "/d");
  return 0;
}
