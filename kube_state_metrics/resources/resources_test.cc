// Objects in, exposition out, from the files of testdata/resources; and the table of all families
// against testdata/families.txt, the list of the upstream release.

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <set>

#include "core/base/file.h"
#include "kube_state_metrics/families/page.h"
#include "kube_state_metrics/options/options.h"
#include "kube_state_metrics/resources/resource.h"
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

std::string SeriesOf(const FamilySet& families, const std::string& json) {
  const auto object = ParseJson(json);
  INFO(json);
  REQUIRE(object.ok());
  Store store;
  store.Put(Render(families, "key", *object));
  const Store* stores[] = {&store};
  std::string page;
  WriteResource(families, stores, false, [&](std::string_view chunk) {
    page += chunk;
    return true;
  });
  std::string series;
  for (const std::string& line : Lines(page)) {
    if (!line.starts_with('#')) series += line + "\n";
  }
  return series;
}

std::vector<std::string> Files() {
  auto files = *ListDirectory(kFolder);
  for (std::string& file : files) file = kFolder + file;
  return files;
}

struct Listed {
  std::string name, type, stability, opt_in, labels;
};

std::vector<Listed> ListedFamilies() {
  std::vector<Listed> all;
  std::ifstream in("testdata/families.txt");
  std::string header;
  std::getline(in, header);
  for (Listed f; in >> f.name >> f.type >> f.stability >> f.opt_in >> f.labels;) all.push_back(f);
  return all;
}

std::vector<Family> AllFamilies() {
  std::vector<Family> all;
  for (const Resource& resource : Resources()) {
    FamilyList list(resource.object, {}, {});
    resource.declare(list);
    for (Family& family : std::move(list).Take()) all.push_back(std::move(family));
  }
  return all;
}

// The names of the labels of a line of exposition, without those in `leading`.
std::set<std::string> LabelNames(const std::string& line) {
  std::set<std::string> names;
  for (size_t at = 0; (at = line.find("=\"", at)) != std::string::npos; at += 2) {
    const size_t begin = line.find_last_of(",{", at) + 1;
    names.insert(line.substr(begin, at - begin));
  }
  return names;
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

TEST_CASE("the families are those of upstream: names, order, types, stability") {
  const auto listed = ListedFamilies();
  const auto ours = AllFamilies();
  REQUIRE(listed.size() == 336);
  REQUIRE(ours.size() == listed.size());
  auto by_name = [](const auto& a, const auto& b) { return a.name < b.name; };
  auto sorted_list = listed;
  auto sorted_ours = ours;
  std::ranges::sort(sorted_list, by_name);
  std::ranges::sort(sorted_ours, by_name);
  for (size_t i = 0; i < listed.size(); ++i) {
    const Family& family = sorted_ours[i];
    const Listed& want = sorted_list[i];
    INFO(family.name);
    CHECK(family.name == want.name);
    CHECK((family.type == FamilyType::kCounter ? "counter" : "gauge") == want.type);
    CHECK((family.stability == Stability::kStable ? "stable" : "alpha") == want.stability);
    CHECK((family.opt_in ? "opt-in" : "-") == want.opt_in);
    CHECK(!family.help.empty());
  }
}

// The order within a resource is that of upstream; the resources themselves come sorted.
TEST_CASE("families of a resource come in upstream's order") {
  std::vector<std::string> listed, ours;
  for (const Listed& f : ListedFamilies()) listed.push_back(f.name);
  for (const Family& f : AllFamilies()) ours.push_back(f.name);
  for (const Resource& resource : Resources()) {
    const std::string prefix = "kube_" + std::string(resource.object);
    const auto of_resource = [&](const std::vector<std::string>& names) {
      std::vector<std::string> out;
      FamilyList list(resource.object, {}, {});
      resource.declare(list);
      for (const Family& f : std::move(list).Take()) {
        if (std::ranges::find(names, f.name) != names.end()) out.push_back(f.name);
      }
      std::ranges::sort(out, {}, [&](const std::string& name) {
        return std::ranges::find(names, name) - names.begin();
      });
      return out;
    };
    CHECK(of_resource(listed) == of_resource(ours));
  }
}

TEST_CASE("labels of every family are those of upstream") {
  std::map<std::string, std::set<std::string>> seen;
  std::map<std::string, std::set<std::string>> leading;
  for (const std::string& file : Files()) {
    for (const Section& section : ReadSections(file)) {
      const auto families = FamiliesOf(section);
      for (const Case& c : section.cases) {
        for (const std::string& line : Lines(SeriesOf(*families, c.object))) {
          const std::string name = line.substr(0, line.find_first_of("{ "));
          for (const std::string& label : LabelNames(line)) seen[name].insert(label);
        }
        for (const auto& [label, value] : families->object_labels()(*ParseJson(c.object))) {
          for (size_t i = 0; i < families->size(); ++i) leading[(*families)[i].name].insert(label);
        }
      }
    }
  }
  for (const Listed& f : ListedFamilies()) {
    if (f.name.ends_with("_labels") || f.name.ends_with("_annotations") ||
        f.name == "kube_pod_nodeselectors") {
      continue;  // free names
    }
    std::set<std::string> want = leading[f.name];
    if (f.labels != "-") {
      std::string all = f.labels + ",";
      for (size_t comma; (comma = all.find(',')) != std::string::npos; all.erase(0, comma + 1)) {
        want.insert(all.substr(0, comma));
      }
    }
    std::set<std::string> got = seen[f.name];
    // The spec counts the namespace of a lease among the labels every series has.
    INFO(f.name);
    CHECK(!got.empty());
    if (f.name.starts_with("kube_lease_")) got.erase("namespace");
    CHECK(got == want);
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
            const Store* stores[] = {&store};
            size_t lines = 0;
            WriteResource(*families, stores, false, [&](std::string_view chunk) {
              lines += static_cast<size_t>(std::ranges::count(chunk, '\n'));
              return true;
            });
            if (lines < 2 * families->size()) FAIL("headers are missing");
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
