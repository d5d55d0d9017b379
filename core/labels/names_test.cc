#include "core/labels/names.h"

#include "tests/catch.h"

namespace narthex {
namespace {

TEST_CASE("legacy names") {
  for (const char* name : {"a", "_", "a:b", "A9"}) CHECK(IsLegacyMetricName(name));
  for (const char* name : {"", "9a", "a.b", "a-b", "\xc3\xa4"})
    CHECK_FALSE(IsLegacyMetricName(name));
  CHECK_FALSE(IsLegacyLabelName("a:b"));
  CHECK(IsLegacyLabelName("a_b"));
}

TEST_CASE("UTF-8 validity") {
  for (const char* good : {"", "abc", "\xc3\xa4", "\xe2\x82\xac", "\xf0\x9f\x94\xa5"}) {
    CHECK(IsValidUtf8(good));
  }
  for (const char* bad :
       {"\xff", "\xc3", "\xc0\x80", "\xe0\x80\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80",
        "\xf0\x80\x80\x80", "a\x80", "eight by\xff", "\xff of eight bytes and more"}) {
    CHECK_FALSE(IsValidUtf8(bad));
  }
}

TEST_CASE("names under both schemes") {
  CHECK(IsValidMetricName("my.metric", NameValidation::kUtf8));
  CHECK_FALSE(IsValidMetricName("my.metric", NameValidation::kLegacy));
  CHECK_FALSE(IsValidLabelName("", NameValidation::kUtf8));
  CHECK_FALSE(IsValidLabelName("\xff", NameValidation::kUtf8));
}

TEST_CASE("escaping schemes") {
  struct Case {
    std::string name, underscores, dots, values;
  };
  const Case cases[] = {
      {"no:escaping_required", "no:escaping_required", "no:escaping__required",
       "no:escaping_required"},
      {"mysystem.prod.west.cpu.load", "mysystem_prod_west_cpu_load",
       "mysystem_dot_prod_dot_west_dot_cpu_dot_load", "U__mysystem_2e_prod_2e_west_2e_cpu_2e_load"},
      {"label with \xf0\x9f\x98\xb1", "label_with__", "label__with____",
       "U__label_20_with_20__1f631_"},
      {"9x", "_x", "__x", "U___39_x"},
  };
  for (const Case& c : cases) {
    CHECK(EscapeName(c.name, NameEscaping::kAllowUtf8) == c.name);
    CHECK(EscapeName(c.name, NameEscaping::kUnderscores) == c.underscores);
    CHECK(EscapeName(c.name, NameEscaping::kDots) == c.dots);
    CHECK(EscapeName(c.name, NameEscaping::kValues) == c.values);
    CHECK(UnescapeName(c.values, NameEscaping::kValues) == c.name);
  }
  CHECK(UnescapeName("U__a_2E_b", NameEscaping::kValues) == "a.b");
  for (const char* broken : {"U__a_zz_", "U__a_2E", "U__a_110000_", "U__a_D800_", "U__a b"}) {
    CHECK(UnescapeName(broken, NameEscaping::kValues) == broken);
  }
  CHECK(UnescapeName("a_dot_b__c", NameEscaping::kDots) == "a.b_c");
}

TEST_CASE("scheme names") {
  for (auto scheme : {NameEscaping::kAllowUtf8, NameEscaping::kUnderscores, NameEscaping::kDots,
                      NameEscaping::kValues}) {
    CHECK(ParseNameEscaping(NameEscapingToString(scheme)) == scheme);
  }
  CHECK_FALSE(ParseNameEscaping("nope").has_value());
}

}  // namespace
}  // namespace narthex
