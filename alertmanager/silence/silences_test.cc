#include "alertmanager/silence/silences.h"

#include "alertmanager/testing/temp_store.h"
#include "core/base/bytes.h"
#include "tests/catch.h"

namespace narthex::am {
namespace {

constexpr int64_t kSecond = 1'000'000'000;
constexpr int64_t kRetention = 100 * kSecond;

struct Fixture {
  TempStore store;
  FakeClock clock{1'000'000};
  std::unique_ptr<Silences> silences;
  Fixture(SilenceLimits limits = {}) { Open(limits); }
  void Open(SilenceLimits limits = {}) {
    silences = Silences::Open(store.get(), clock, kRetention, limits).value();
  }
  void Restart() {
    silences.reset();
    store.Reopen();
    Open();
  }
  int64_t now() const { return clock.NowNanos(); }
  Silence Make(std::string_view matchers, int64_t from = 0, int64_t to = 60) const {
    Silence silence;
    silence.matchers = ParseMatchers(matchers).value();
    silence.starts_at = now() + from * kSecond;
    silence.ends_at = now() + to * kSecond;
    silence.created_by = "me";
    silence.comment = "why";
    return silence;
  }
  std::string ErrorOf(Silence silence) {
    auto id = silences->Set(std::move(silence));
    return id.ok() ? "" : std::string(MessageOf(id.status()));
  }
};

TEST_CASE("silences silence what they match while active") {
  Fixture f;
  const std::string id = f.silences->Set(f.Make("a=b,c=~\"d|e\"", 10, 60)).value();
  const Labels labels{{"a", "b"}, {"c", "d"}};
  CHECK(f.silences->SilencedBy(labels).empty());  // pending
  CHECK(f.silences->CountByState(SilenceState::kPending) == 1);
  f.clock.Advance(std::chrono::seconds(10));
  CHECK(f.silences->SilencedBy(labels) == std::vector<std::string>{id});
  CHECK(f.silences->SilencedBy({{"a", "b"}, {"c", "x"}}).empty());
  // A silence added after the first look-up of the alert counts too.
  const std::string second = f.silences->Set(f.Make("a=b")).value();
  CHECK(f.silences->SilencedBy(labels).size() == 2);
  f.clock.Advance(std::chrono::seconds(51));
  CHECK(f.silences->SilencedBy(labels) == std::vector<std::string>{second});
  REQUIRE(f.silences->Expire(second).ok());
  f.clock.Advance(std::chrono::nanoseconds(1));
  CHECK(f.silences->SilencedBy(labels).empty());
  CHECK(f.silences->Expire(second).ok());
  CHECK(f.silences->Expire("nope").code() == StatusCode::kNotFound);
}

TEST_CASE("edits keep the id where the meaning stays, else replace") {
  Fixture f;
  Silence silence = f.Make("a=b");
  silence.id = f.silences->Set(silence).value();
  silence.starts_at = f.silences->Get(silence.id)->starts_at;
  // A longer end and another comment: in place.
  f.clock.Advance(std::chrono::seconds(1));
  silence.ends_at += 10 * kSecond;
  silence.comment = "because";
  silence.starts_at -= silence.starts_at % 1'000'000;  // as the API shows it
  CHECK(f.silences->Set(silence).value() == silence.id);
  CHECK(f.silences->Get(silence.id)->comment == "because");
  // Other matchers: a new one, the old one ends.
  Silence changed = silence;
  changed.matchers = ParseMatchers("a=c").value();
  const std::string id = f.silences->Set(changed).value();
  CHECK(id != silence.id);
  f.clock.Advance(std::chrono::nanoseconds(1));
  CHECK(f.silences->Get(silence.id)->StateAt(f.now()) == SilenceState::kExpired);
  CHECK(f.silences->Get(id)->StateAt(f.now()) == SilenceState::kActive);
  // An expired one comes back under a new id.
  const std::string again = f.silences->Set(silence).value();
  CHECK(again != silence.id);
  Silence unknown = f.Make("a=b");
  unknown.id = "nope";
  CHECK(f.ErrorOf(unknown) == "silence not found");
}

TEST_CASE("a start in the past is now") {
  Fixture f;
  const std::string id = f.silences->Set(f.Make("a=b", -500, 60)).value();
  CHECK(f.silences->Get(id)->starts_at == f.now());
}

TEST_CASE("bad silences and limits") {
  Fixture f({.max_silences = 2, .max_size_bytes = 300});
  CHECK(f.ErrorOf(f.Make("a=\"\"")) ==
        "invalid silence: matcher set 0: at least one matcher must not match the empty string");
  CHECK(f.ErrorOf(f.Make("a=~\".*\"")) ==
        "invalid silence: matcher set 0: at least one matcher must not match the empty string");
  CHECK(f.ErrorOf(f.Make("")) == "invalid silence: at least one matcher required");
  Silence big = f.Make("a=b");
  big.comment.assign(1000, 'x');
  CHECK(f.ErrorOf(big).starts_with("silence exceeded maximum size: "));
  CHECK(f.ErrorOf(f.Make("a=1")).empty());
  CHECK(f.ErrorOf(f.Make("a=2")).empty());
  CHECK(f.ErrorOf(f.Make("a=3")) == "exceeded maximum number of silences: 2 (limit: 2)");
}

TEST_CASE("silences survive a restart; old ones are forgotten after the retention") {
  Fixture f;
  Silence silence = f.Make("a!=\"b\",c!~\"d.*\",e=f", 0, 10);
  silence.annotations = {{"k", "v"}};
  const std::string id = f.silences->Set(silence).value();
  f.Restart();
  SilencePtr loaded = f.silences->Get(id);
  REQUIRE(loaded != nullptr);
  CHECK(ToString(loaded->matchers) == "{a!=\"b\",c!~\"d.*\",e=\"f\"}");
  CHECK(loaded->created_by == "me");
  CHECK(loaded->annotations == silence.annotations);
  f.clock.Advance(std::chrono::seconds(109));
  REQUIRE(f.silences->CollectGarbage().ok());
  CHECK(f.silences->Get(id) != nullptr);
  f.clock.Advance(std::chrono::seconds(2));
  REQUIRE(f.silences->CollectGarbage().ok());
  CHECK(f.silences->Get(id) == nullptr);
  f.Restart();
  CHECK(f.silences->All().empty());
}

TEST_CASE("upstream's snapshot is read") {
  Fixture f;
  Silence one = f.Make("a=b"), two = f.Make("c=d");
  one.id = "11111111-1111-1111-1111-111111111111";
  two.id = "22222222-2222-2222-2222-222222222222";
  std::string snapshot;
  ByteWriter writer(&snapshot);
  writer.UvarintString(EncodeSilence(one, 0));
  writer.UvarintString(EncodeSilence(two, 0));
  REQUIRE(f.silences->Import(snapshot).ok());
  f.Restart();
  CHECK(f.silences->All().size() == 2);
  CHECK_FALSE(f.silences->Import(std::string_view(snapshot).substr(0, snapshot.size() - 3)).ok());
  CHECK_FALSE(f.silences->Import("\x05zzzzz").ok());
}

}  // namespace
}  // namespace narthex::am
