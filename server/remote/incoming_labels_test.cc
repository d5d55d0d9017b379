#include "server/remote/incoming_labels.h"

#include "tests/catch.h"

namespace narthex::remote {
namespace {

using Verdict = IncomingLabels::Verdict;

TEST_CASE("labels are sorted, judged and cleaned") {
  struct Case {
    std::vector<Label> labels;
    Verdict verdict;
    std::string result;
  };
  const Case cases[] = {
      {{{"__name__", "m"}, {"a", "1"}}, Verdict::kOk, R"({__name__="m", a="1"})"},
      {{{"z", "1"}, {"__name__", "m"}, {"a", "2"}},
       Verdict::kOk,
       R"({__name__="m", a="2", z="1"})"},
      {{{"__name__", "m"}, {"a", ""}, {"b", "1"}}, Verdict::kOk, R"({__name__="m", b="1"})"},
      {{{"__name__", "m\u00e9.x"}, {"l\u00e4.b", "1"}},
       Verdict::kOk,
       "{__name__=\"m\u00e9.x\", \"l\u00e4.b\"=\"1\"}"},
      {{}, Verdict::kInvalid, ""},
      {{{"a", "1"}}, Verdict::kInvalid, ""},
      {{{"__name__", ""}, {"a", "1"}}, Verdict::kInvalid, ""},
      {{{"__name__", "m"}, {"", "1"}}, Verdict::kInvalid, ""},
      {{{"__name__", "m\xff"}}, Verdict::kInvalid, ""},
      {{{"__name__", "m"}, {"a\xff", "1"}}, Verdict::kInvalid, ""},
      {{{"__name__", "m"}, {"a", "\xff"}}, Verdict::kInvalid, ""},
      {{{"__name__", "m"}, {"a", "1"}, {"a", "2"}}, Verdict::kDuplicate, ""},
      {{{"__name__", "m"}, {"a", "1"}, {"b", "2"}, {"a", "1"}}, Verdict::kDuplicate, ""},
      {{{"__name__", "m"}, {"a", ""}, {"a", "2"}}, Verdict::kDuplicate, ""},
      {{{"__name__", "x"}, {"__name__", "y"}}, Verdict::kDuplicate, ""},
  };
  IncomingLabels labels;
  for (const Case& c : cases) {
    labels.Clear();
    for (const Label& label : c.labels) labels.Add(label);
    INFO(labels.Describe());
    REQUIRE(labels.Finish() == c.verdict);
    if (c.verdict != Verdict::kOk) continue;
    const Labels built = labels.Build();
    CHECK(built.ToString() == c.result);
    CHECK(built == Labels::FromPairs(c.labels));
  }
}

TEST_CASE("a description is short") {
  IncomingLabels labels;
  const std::string long_value(5000, 'x');
  for (int i = 0; i < 100; ++i) labels.Add({"name", long_value});
  CHECK(labels.Describe().size() < 3000);
}

}  // namespace
}  // namespace narthex::remote
