// Objects in, exposition out, byte by byte, from the files of testdata/resources. What the families
// of the upstream release are, and show, is in testdata/expected (serve/every_family_test.cc).

#include <algorithm>
#include <set>

#include "core/base/file.h"
#include "core/exposition/families.h"
#include "kube_state_metrics/families/page.h"
#include "kube_state_metrics/options/options.h"
#include "kube_state_metrics/resources/resource.h"
#include "kube_state_metrics/testing/expectations.h"
#include "tests/catch.h"

namespace narthex::ksm {
namespace {

constexpr char kFolder[] = "testdata/resources/";

struct Case {
  std::string object, expected;
};

struct Section {
  std::string resource, labels, annotations, opt_in;
  std::vector<Case> cases;
};

std::vector<std::string> Lines(const std::string& text) {
  std::vector<std::string> lines;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    lines.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return lines;
}

// "=== resource x" begins a section, its options follow; "=== object" and "=== expected" take
// turns.
std::vector<Section> ReadSections(const std::string& path) {
  std::vector<Section> sections;
  std::string* text = nullptr;
  for (const std::string& line : Lines(*ReadFile(path))) {
    if (line == "=== object") {
      sections.back().cases.emplace_back();
      text = &sections.back().cases.back().object;
    } else if (line == "=== expected") {
      text = &sections.back().cases.back().expected;
    } else if (line.starts_with("=== resource ")) {
      sections.emplace_back();
      sections.back().resource = line.substr(line.rfind(' ') + 1);
      text = nullptr;
    } else if (text == nullptr) {
      Section& section = sections.back();
      if (line.starts_with("labels ")) section.labels = line.substr(7);
      if (line.starts_with("annotations ")) section.annotations = line.substr(12);
      if (line.starts_with("opt-in ")) section.opt_in = line.substr(7);
    } else if (!line.empty()) {
      *text += line + "\n";
    }
  }
  return sections;
}

AllowList ListFor(const Section& section, const std::string& keys) {
  AllowList list;
  if (!keys.empty()) REQUIRE(list.Parse(section.resource + "=[" + keys + "]").ok());
  return list;
}

std::shared_ptr<const FamilySet> FamiliesOf(const Section& section) {
  const Resource* resource = FindResource(section.resource);
  INFO(section.resource);
  REQUIRE(resource != nullptr);
  std::vector<std::string> opt_in;
  if (!section.opt_in.empty()) opt_in.push_back(section.opt_in);
  const auto filter = FamilyFilter::Make({}, {}, opt_in);
  return MakeFamilySet(*resource, ListFor(section, section.labels),
                       ListFor(section, section.annotations), *filter);
}

std::string PageOf(const FamilySet& families, const Store& store) {
  const Store* stores[] = {&store};
  std::string page;
  WriteResource(families, stores, false, [&](std::string_view chunk) {
    page += chunk;
    return true;
  });
  return page;
}

std::string SeriesOf(const FamilySet& families, const std::string& json) {
  const auto object = ParseJson(json);
  INFO(json);
  REQUIRE(object.ok());
  Store store;
  store.Put(Render(families, "key", *object));
  std::string series;
  for (const std::string& line : Lines(PageOf(families, store))) {
    if (!line.starts_with('#')) series += line + "\n";
  }
  return series;
}

std::vector<std::string> Files() {
  auto files = *ListDirectory(kFolder);
  for (std::string& file : files) file = kFolder + file;
  return files;
}

TEST_CASE("objects render as expected") {
  for (const std::string& file : Files()) {
    for (const Section& section : ReadSections(file)) {
      const auto families = FamiliesOf(section);
      for (const Case& c : section.cases) {
        INFO(file << " " << section.resource << "\n" << c.object);
        CHECK(SeriesOf(*families, c.object) == c.expected);
      }
    }
  }
}

TEST_CASE("every resource has objects in the data files") {
  std::set<std::string> covered;
  for (const std::string& file : Files()) {
    for (const Section& section : ReadSections(file)) covered.insert(section.resource);
  }
  for (const Resource& resource : Resources()) {
    INFO(resource.name);
    CHECK(covered.count(std::string(resource.name)) == 1);
  }
}

TEST_CASE("32 resources are on by default") {
  Options options;
  CHECK(options.EnabledResources()->size() == 32);
  options.resources = {"pods", "clusterroles", "pods"};
  CHECK(*options.EnabledResources() == std::vector<std::string>{"clusterroles", "pods"});
  options.resources = {"foos"};
  CHECK(!options.EnabledResources().ok());
}

size_t CountValues(const Json& value) {
  size_t count = 1;
  for (const Json& item : value.items()) count += CountValues(item);
  for (const auto& [name, member] : value.members()) count += CountValues(member);
  return count;
}

// The value with its `n`-th part (counted down by the walk) replaced.
Json WithPart(const Json& value, size_t* n, const Json& replacement) {
  if ((*n)-- == 0) return replacement;
  if (value.is_array()) {
    Json::Array items;
    for (const Json& item : value.items()) items.push_back(WithPart(item, n, replacement));
    return Json(std::move(items));
  }
  if (value.is_object()) {
    Json::Members members;
    for (const auto& [name, member] : value.members()) {
      members.emplace_back(name, WithPart(member, n, replacement));
    }
    return Json(std::move(members));
  }
  return value;
}

TEST_CASE("no part of an object of another type than it should be does harm") {
  const Json replacements[] = {*ParseJson("null"),
                               *ParseJson("-1e300"),
                               *ParseJson("\"\\u0000\\n\\\"\""),
                               *ParseJson("[1, [\"a\"], {}]"),
                               *ParseJson(R"({"a": {"b": [null]}, "name": 1})"),
                               *ParseJson("true")};
  for (const std::string& file : Files()) {
    for (const Section& section : ReadSections(file)) {
      const auto families = FamiliesOf(section);
      for (const Case& c : section.cases) {
        const Json object = *ParseJson(c.object);
        const size_t parts = CountValues(object);
        for (size_t part = 0; part < parts; ++part) {
          for (const Json& replacement : replacements) {
            size_t n = part;
            Store store;
            store.Put(Render(*families, "k", WithPart(object, &n, replacement)));
            const auto lines = std::ranges::count(PageOf(*families, store), '\n');
            if (lines < 2 * static_cast<ptrdiff_t>(families->size())) FAIL("headers are missing");
          }
        }
      }
    }
  }
}

TEST_CASE("whatever part of an object is missing, the labels are those of the family") {
  AllowList all;
  REQUIRE(all.Parse("*=[*]").ok());
  const auto filter = FamilyFilter::Make({}, {}, {".*"});
  for (const ExpectedResource& resource : ReadExpectations("testdata/expected")) {
    const auto families = MakeFamilySet(*FindResource(resource.name), all, all, *filter);
    for (const ExpectedObject& object : resource.objects) {
      const size_t parts = CountValues(object.json);
      for (size_t part = 0; part < parts; ++part) {
        size_t n = part;
        Store store;
        store.Put(Render(*families, "k", WithPart(object.json, &n, Json())));
        const auto shown = ParseTextFamilies(PageOf(*families, store));
        REQUIRE(shown.ok());
        for (const MetricFamily& family : *shown) {
          const auto expected =
              std::ranges::find(resource.families, family.name, &ExpectedFamily::name);
          REQUIRE(expected != resource.families.end());
          for (const MetricSample& sample : family.samples) {
            Labels labels;
            for (const MetricLabel& label : sample.labels) labels[label.name] = label.value;
            if (expected->Fits(labels)) continue;
            FAIL_CHECK("without part " << part << " of an object: " << family.name);
          }
        }
      }
    }
  }
}

TEST_CASE("any JSON renders without harm") {
  for (
      const char* json :
      {"null", "[]", "3", "\"x\"", "{}", R"({"metadata": 3, "spec": [], "status": "x"})",
       R"({"spec": {"containers": {"a": 1}, "tolerations": [1, null]}, "status": {"containerStatuses": [[], 1]}})"}) {
    for (const Resource& resource : Resources()) {
      AllowList all;
      REQUIRE(all.Parse("*=[*]").ok());
      const auto families = MakeFamilySet(resource, all, all, *FamilyFilter::Make({}, {}, {".*"}));
      CHECK(Render(*families, "k", *ParseJson(json))->key() == "k");
    }
  }
}

}  // namespace
}  // namespace narthex::ksm
