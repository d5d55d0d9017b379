#include "pushgateway/grouping.h"

#include "tests/catch.h"

namespace narthex::pushgateway {
namespace {

TEST_CASE("grouping keys") {
  struct Case {
    std::string job;
    bool base64;
    std::string labels;
    std::string result;  // name=value,… or the error
  };
  const Case cases[] = {
      {"a", false, "", "job=a,"},
      {"a", false, "/", "job=a,"},
      {"a", false, "/x/1/b/2", "b=2,job=a,x=1,"},
      {"a", false, "/x/1/x/2", "job=a,x=2,"},
      {"a", false, "/job/b", "job=a,"},
      {"Zm9v", true, "/path@base64/L3Zhci90bXA", "job=foo,path=/var/tmp,"},
      {"Zm8=", true, "/p@base64/=", "job=fo,p=,"},
      {"a", false, "/odd", "odd number of components in label string \"/odd\""},
      {"a", false, "/a.b/c", "improper label name \"a.b\""},
      {"a", false, "/__x/c", "improper label name \"__x\""},
      {"a", false, "/a@base64/!!",
       "invalid base64 encoding for label a=\"!!\": illegal base64 data "
       "at input byte 0"},
      {"a", false, "/a@base64/abcde",
       "invalid base64 encoding for label a=\"abcde\": illegal base64 "
       "data at input byte 4"},
      {"a", false, "/a@base64/ab+d",
       "invalid base64 encoding for label a=\"ab+d\": illegal base64 "
       "data at input byte 2"},
      {"!!", true, "",
       "invalid base64 encoding in job name \"\": illegal base64 data at input byte 0"},
      {"=", true, "", "job name is required"},
      {"a", false, "/U__a_2e_b/1", "U__a_2e_b=1,job=a,"},
  };
  for (const Case& c : cases) {
    CAPTURE(c.job, c.labels);
    auto grouping = ParseGrouping(c.job, c.base64, c.labels, {});
    std::string result;
    if (grouping.ok()) {
      for (const auto& [name, value] : *grouping) result += name + "=" + value + ",";
      CHECK(*ParseGroupKey(GroupKey(*grouping)) == *grouping);
    } else {
      result = MessageOf(grouping.status());
    }
    CHECK(result == c.result);
  }
  CHECK(ParseGrouping("a", false, "/U__a_2e_b/1", {.utf8_names = true})->contains("a.b"));
  CHECK_FALSE(ParseGroupKey("\x05"
                            "ab")
                  .ok());
}

}  // namespace
}  // namespace narthex::pushgateway
