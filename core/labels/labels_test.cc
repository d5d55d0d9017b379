#include "core/labels/labels.h"

#include <algorithm>
#include <random>

#include "tests/catch.h"

namespace narthex {
namespace {

TEST_CASE("labels are sorted, last of a name wins, empty values vanish") {
  Labels labels{{"b", "2"}, {"a", "1"}, {"c", ""}, {"b", "3"}};
  CHECK(labels.ToString() == R"({a="1", b="3"})");
  CHECK(labels.size() == 2);
  CHECK(labels.Get("b") == "3");
  CHECK(labels.Get("c").empty());
  CHECK(Labels().ToString() == "{}");
}

TEST_CASE("long names and values survive the flat buffer") {
  const std::string name(300, 'n'), value(70'000, 'v');
  Labels labels{{name, value}, {"z", "1"}};
  CHECK(labels.Get(name) == value);
  CHECK(labels.Get("z") == "1");
  CHECK(Labels::FromFlat(std::string(labels.flat())) == labels);
}

TEST_CASE("printing quotes what needs quoting") {
  CHECK(Labels{{"__name__", "up"}}.ToMetricString() == "up");
  CHECK(Labels{{"__name__", "up"}, {"job", "a\"b"}}.ToMetricString() == R"(up{job="a\"b"})");
  CHECK(Labels{{"__name__", "my.metric"}, {"x.y", "1"}}.ToMetricString() ==
        R"({__name__="my.metric", "x.y"="1"})");
}

// Values computed with the Go libraries' definition: xxhash64 / FNV-1a over name 0xff value 0xff.
TEST_CASE("hashes are the visible ones") {
  CHECK(Labels().Hash() == 0xef46db3751d8e999ULL);           // XXH64 of nothing
  CHECK(Labels().Fingerprint() == 14695981039346656037ULL);  // FNV-1a offset basis
  Labels both{{"a", "1"}, {"b", "2"}};
  const std::vector<std::string> a{"a"}, b{"b"};
  CHECK(both.HashForLabels(a) == Labels{{"a", "1"}}.Hash());
  CHECK(both.HashWithoutLabels(b) == Labels{{"a", "1"}}.Hash());
  CHECK(Labels{{"__name__", "m"}, {"a", "1"}}.HashWithoutLabels(b) == Labels{{"a", "1"}}.Hash());
  CHECK(both.Hash() != Labels{{"a", "12"}, {"b", ""}}.Hash());
}

TEST_CASE("order looks at pairs, not at how they are kept") {
  std::mt19937 random(3);
  const auto text = [&](size_t most) {
    return std::string(random() % most + 1, static_cast<char>('a' + random() % 2));
  };
  const auto pairwise = [](const Labels& a, const Labels& b) {
    return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end());
  };
  std::vector<Labels> all(1);
  for (int i = 0; i < 150; ++i) {
    LabelsBuilder builder(all[random() % all.size()]);
    for (int k = 0; k < 2; ++k) builder.Set(text(3), random() % 5 == 0 ? text(300) : text(3));
    all.push_back(builder.Build());
  }
  for (const Labels& a : all) {
    for (const Labels& b : all) {
      if ((a < b) != pairwise(a, b) || (a > b) != pairwise(b, a)) {
        FAIL(a.ToString() << " and " << b.ToString());
      }
    }
  }
  SUCCEED();
}

TEST_CASE("order is by name, value, then length") {
  std::vector<Labels> ordered = {Labels{}, Labels{{"a", "1"}}, Labels{{"a", "1"}, {"b", "1"}},
                                 Labels{{"a", "2"}}, Labels{{"b", "0"}}};
  for (size_t i = 0; i < ordered.size(); ++i) {
    for (size_t j = 0; j < ordered.size(); ++j) {
      CHECK((ordered[i] < ordered[j]) == (i < j));
      CHECK((ordered[i] == ordered[j]) == (i == j));
    }
  }
}

TEST_CASE("two sets without a common name become one") {
  const std::string longer(200, 'v');
  const Labels a{{"__name__", "m"}, {"code", "200"}, {"z", longer}};
  struct Case {
    Labels b;
    std::string want;  // empty: a name is in both
  };
  const Case cases[] = {
      {{}, a.ToString()},
      {{{"instance", "i"}, {"job", "j"}},
       "{__name__=\"m\", code=\"200\", instance=\"i\", job=\"j\", z=\"" + longer + "\"}"},
      {{{"a", "first"}, {"zz", "last"}},
       "{__name__=\"m\", a=\"first\", code=\"200\", z=\"" + longer + "\", zz=\"last\"}"},
      {{{"code", "200"}}, ""},
      {{{"a", "1"}, {"z", "2"}}, ""},
  };
  for (const Case& c : cases) {
    INFO(c.b.ToString());
    const auto ab = Labels::MergeDisjoint(a, c.b), ba = Labels::MergeDisjoint(c.b, a);
    CHECK(ab == ba);
    CHECK((ab ? ab->ToString() : "") == c.want);
    if (ab) CHECK(*ab == LabelsBuilder(*ab).Build());
  }
}

TEST_CASE("a builder sets, deletes, keeps") {
  LabelsBuilder builder(Labels{{"a", "1"}, {"b", "2"}, {"c", "3"}});
  builder.Set("d", "4").Set("a", "").Del("c");
  CHECK(builder.Build().ToString() == R"({b="2", d="4"})");
  CHECK(builder.Get("b") == "2");
  CHECK_FALSE(builder.Has("a"));
  builder.Set("b", builder.Get("b").substr(0, 1));  // a value inside the builder itself
  CHECK(builder.Get("b") == "2");
  const std::vector<std::string> keep{"d"};
  CHECK(builder.Keep(keep).Build().ToString() == R"({d="4"})");
  CHECK(builder.Del(keep).Build().empty());
}

}  // namespace
}  // namespace narthex
