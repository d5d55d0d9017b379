// A pattern and texts, split at zero bytes: the shapes that need no engine match what the engine
// does, and what is promised of sets and prefixes holds.
#include <cstdint>
#include <string>
#include <vector>

#include "core/base/check.h"
#include "core/labels/names.h"
#include "core/labels/regex.h"
#include "core/strings/quote.h"

namespace narthex {
namespace {

constexpr size_t kMaxInput = 512;

void CheckText(const AnchoredRegex& regex, const AnchoredRegex& plain, std::string_view text) {
  if (!IsValidUtf8(text)) return;  // a dot alone is any byte, but not to the engine
  const bool matches = regex.Matches(text);
  NX_CHECK(matches == plain.Matches(text));
  NX_CHECK(!matches || text.starts_with(regex.prefix()));
  std::string out;
  NX_CHECK(regex.MatchAndExpand(text, "$0", &out) == matches);
  NX_CHECK(out == (matches ? text : ""));
}

}  // namespace
}  // namespace narthex

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace narthex;
  if (size > kMaxInput) return 0;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::vector<std::string_view> parts = SplitString(input, '\0');
  const std::string pattern(parts[0]);
  const auto regex = AnchoredRegex::Compile(pattern);
  const auto search = Regex::Compile(pattern);
  if (search.ok()) {
    for (const std::string_view text : parts) {
      const auto groups = (*search)->FindSubmatch(text);
      NX_CHECK(groups.empty() != (*search)->Matches(text));
      (void)(*search)->ReplaceAll(text, parts.back());
    }
  }
  if (!regex.ok()) return 0;
  // Parentheses within parentheses are none of the shapes.
  const auto plain = AnchoredRegex::Compile("(?:(?:" + pattern + "))");
  if (!plain.ok() || !(*plain)->set_matches().empty() || !(*plain)->prefix().empty()) return 0;
  for (const std::string_view text : parts) CheckText(**regex, **plain, text);
  for (const std::string& text : (*regex)->set_matches()) CheckText(**regex, **plain, text);
  const std::string prefix((*regex)->prefix());
  for (const char* more : {"", "a", "\n", "aa"}) CheckText(**regex, **plain, prefix + more);
  return 0;
}
