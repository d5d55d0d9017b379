#include "core/exposition/text_scan.h"

#include <random>
#include <string>

#include "core/exposition/scrape_hash.h"
#include "core/strings/utf8.h"
#include "tests/catch.h"

namespace narthex {
namespace {

TEST_CASE("Vector scans equal their scalar twins") {
  std::mt19937 random(5);
  const std::string usual = "azAZ09_:aaaaaaaaaaaaaaaaaaaa";
  size_t differences = 0;
  for (int i = 0; i < 100'000; ++i) {
    std::string text(random() % 50, 'x');
    for (char& c : text) c = usual[random() % usual.size()];
    for (size_t k = random() % 3; k > 0 && !text.empty(); --k) {
      text[random() % text.size()] = static_cast<char>(random());
    }
    const char* end = text.data() + text.size();
    for (bool colons : {false, true}) {
      differences +=
          ScanNameBytes(text.data(), end, colons) != ScanNameScalar(text.data(), end, colons);
    }
    bool fast = false, slow = false;
    differences += ScanQuoted(text.data(), end, &fast) != ScanQuotedScalar(text.data(), end, &slow);
    differences += fast != slow;
    bool ascii = true;
    for (char c : text) ascii &= static_cast<unsigned char>(c) < 0x80;
    differences += IsAscii(text) != ascii;
  }
  CHECK(differences == 0);
}

TEST_CASE("Every single byte is judged alike by both twins") {
  for (int c = 0; c < 256; ++c) {
    std::string text(20, static_cast<char>(c));
    const char* end = text.data() + text.size();
    for (bool colons : {false, true}) {
      CHECK(ScanNameBytes(text.data(), end, colons) == ScanNameScalar(text.data(), end, colons));
    }
  }
}

TEST_CASE("The hash sees every byte, the length and the seed") {
  size_t equal = 0;
  for (size_t n = 1; n < 200; ++n) {
    std::string text(n, 'a');
    const uint64_t hash = ScrapeHash(1)(text.data(), n);
    equal += hash == ScrapeHash(2)(text.data(), n);
    equal += hash == ScrapeHash(1)(text.data(), n - 1);
    for (size_t i = 0; i < n; ++i) {
      std::string other = text;
      other[i] ^= 1;
      equal += hash == ScrapeHash(1)(other.data(), n);
    }
  }
  CHECK(equal == 0);
}

}  // namespace
}  // namespace narthex
