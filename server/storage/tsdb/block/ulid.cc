#include "server/storage/tsdb/block/ulid.h"

#include <algorithm>

namespace narthex::tsdb {
namespace {

constexpr std::string_view kAlphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
constexpr size_t kLength = 26;

int Digit(char c) {
  if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  const size_t at = kAlphabet.find(c);
  return at == std::string_view::npos ? -1 : static_cast<int>(at);
}

struct Wide {
  uint64_t high = 0, low = 0;
};

Wide ToWide(const Ulid& ulid) {
  Wide w;
  for (int i = 0; i < 8; ++i) w.high = w.high << 8 | ulid.bytes[static_cast<size_t>(i)];
  for (int i = 8; i < 16; ++i) w.low = w.low << 8 | ulid.bytes[static_cast<size_t>(i)];
  return w;
}

Ulid FromWide(Wide w) {
  Ulid ulid;
  for (size_t i = 0; i < 8; ++i) {
    ulid.bytes[7 - i] = static_cast<uint8_t>(w.high >> (8 * i));
    ulid.bytes[15 - i] = static_cast<uint8_t>(w.low >> (8 * i));
  }
  return ulid;
}

}  // namespace

std::optional<Ulid> Ulid::Parse(std::string_view text) {
  // 26 digits hold 130 bits: the first may use only three.
  if (text.size() != kLength || Digit(text[0]) > 7) return std::nullopt;
  Wide w;
  for (const char c : text) {
    const int digit = Digit(c);
    if (digit < 0) return std::nullopt;
    w.high = w.high << 5 | w.low >> 59;
    w.low = w.low << 5 | static_cast<uint64_t>(digit);
  }
  return FromWide(w);
}

std::string Ulid::ToString() const {
  std::string text(kLength, '0');
  Wide w = ToWide(*this);
  for (size_t i = kLength; i-- > 0;) {
    text[i] = kAlphabet[w.low & 31];
    w.low = w.low >> 5 | w.high << 59;
    w.high >>= 5;
  }
  return text;
}

int64_t Ulid::time_ms() const { return static_cast<int64_t>(ToWide(*this).high >> 16); }

UlidGenerator::UlidGenerator(const Clock& clock, uint64_t seed) : clock_(clock), random_(seed) {}

Ulid UlidGenerator::Next() {
  MutexLock lock(mutex_);
  const auto now = static_cast<uint64_t>(std::max<int64_t>(clock_.NowMs(), 0));
  Wide next{now << 16 | (random_() & 0xffff), random_()};
  const Wide last = ToWide(last_);
  if (next.high >> 16 <= last.high >> 16) {  // same millisecond, or the clock went back
    next = {last.high + (last.low == UINT64_MAX ? 1 : 0), last.low + 1};
  }
  return last_ = FromWide(next);
}

UlidGenerator& UlidGenerator::Global() {
  static UlidGenerator* generator = new UlidGenerator();
  return *generator;
}

}  // namespace narthex::tsdb
