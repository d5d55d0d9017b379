// Records, dictionaries, stores, pages, label names, filters.

#include <cmath>
#include <thread>

#include "core/strings/numbers.h"
#include "kube_state_metrics/families/allow_list.h"
#include "kube_state_metrics/families/filter.h"
#include "kube_state_metrics/families/label_text.h"
#include "kube_state_metrics/families/page.h"
#include "tests/catch.h"

namespace narthex::ksm {
namespace {

FamilySet TwoFamilies() {
  std::vector<Family> families;
  families.push_back({.name = "kube_x_count",
                      .help = "Counts \"x\"\\\n.",
                      .type = FamilyType::kCounter,
                      .stability = Stability::kStable,
                      .generate = [](const Json& object, SeriesSink& out) {
                        for (const Json& item : object["items"].items()) {
                          out.Add({{"item", item.AsString()}}, 2.5);
                        }
                      }});
  families.push_back({.name = "kube_x_info",
                      .help = "Info.",
                      .type = FamilyType::kInfo,
                      .generate = [](const Json&, SeriesSink& out) { out.Add(1); }});
  return FamilySet([](const Json& object) { return OwnedLabels{{"x", object["name"].AsString()}}; },
                   std::move(families));
}

std::string PageOf(const FamilySet& families, const Store& store, bool open_metrics = false) {
  std::string page;
  const Store* stores[] = {&store};
  WriteResource(families, stores, open_metrics, [&](std::string_view chunk) {
    page += chunk;
    return true;
  });
  return page;
}

TEST_CASE("a page has every header once, and nothing without objects") {
  const FamilySet families = TwoFamilies();
  Store store;
  CHECK(PageOf(families, store) == "");
  store.Put(Render(families, "ns/a", *ParseJson(R"({"name": "a\"b", "items": ["i", "j"]})")));
  CHECK(PageOf(families, store) ==
        "# HELP kube_x_count [STABLE] Counts \"x\"\\\\\\n.\n"
        "# TYPE kube_x_count counter\n"
        "kube_x_count{x=\"a\\\"b\",item=\"i\"} 2.5\n"
        "kube_x_count{x=\"a\\\"b\",item=\"j\"} 2.5\n"
        "# HELP kube_x_info Info.\n"
        "# TYPE kube_x_info gauge\n"
        "kube_x_info{x=\"a\\\"b\"} 1\n");
  CHECK(PageOf(families, store, true).find("# TYPE kube_x_info info\n") != std::string::npos);
  store.Remove("ns/a");
  CHECK(PageOf(families, store) == "");
}

TEST_CASE("a put replaces what has the key; a scrape keeps what it took") {
  const FamilySet families = TwoFamilies();
  Store store;
  store.Put(Render(families, "k", *ParseJson(R"({"name": "old"})")));
  std::vector<RecordRef> taken;
  store.Snapshot(&taken);
  store.Put(Render(families, "k", *ParseJson(R"({"name": "new"})")));
  CHECK(store.size() == 1);
  CHECK(RecordCursor(*taken[0]).leading_labels() == "x=\"old\"");
  CHECK(PageOf(families, store).find("x=\"new\"") != std::string::npos);
  store.Remove("other");
  CHECK(store.size() == 1);
}

TEST_CASE("a writer that has enough ends the page") {
  const FamilySet families = TwoFamilies();
  Store store;
  for (int i = 0; i < 10000; ++i) {
    store.Put(Render(families, std::to_string(i), *ParseJson(R"({"name": "a", "items": ["i"]})")));
  }
  const Store* stores[] = {&store};
  int chunks = 0;
  CHECK(!WriteResource(families, stores, false, [&](std::string_view) { return ++chunks < 2; }));
  CHECK(chunks == 2);
}

TEST_CASE("a dictionary numbers the first short texts and no others") {
  LabelDictionary dictionary;
  CHECK(dictionary.IndexOf("") == -1);
  CHECK(dictionary.IndexOf(std::string(LabelDictionary::kMaxLength + 1, 'a')) == -1);
  for (size_t i = 0; i < LabelDictionary::kMaxTexts; ++i) {
    CHECK(dictionary.IndexOf("t" + std::to_string(i)) == static_cast<int>(i));
  }
  CHECK(dictionary.IndexOf("one more") == -1);
  CHECK(dictionary.IndexOf("t63") == 63);
  CHECK(dictionary.Text(5) == "t5");
}

TEST_CASE("threads agree on the numbers of a dictionary") {
  LabelDictionary dictionary;
  std::vector<std::thread> threads;
  std::atomic<int> wrong{0};
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 2000; ++i) {
        const std::string text = "text" + std::to_string(i % 100);
        const int index = dictionary.IndexOf(text);
        if (index >= 0 && dictionary.Text(static_cast<size_t>(index)) != text) ++wrong;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(wrong == 0);
}

TEST_CASE("records of many labels keep them all") {
  const FamilySet families = TwoFamilies();
  std::string items;
  for (int i = 0; i < 300; ++i) {
    items += (i > 0 ? ",\"" : "\"") + std::string(static_cast<size_t>(i), 'v') + "\"";
  }
  Store store;
  store.Put(Render(families, "k", *ParseJson("{\"name\": \"a\", \"items\": [" + items + "]}")));
  const std::string page = PageOf(families, store);
  CHECK(std::count(page.begin(), page.end(), '\n') == 4 + 300 + 1);
  CHECK(page.find("item=\"" + std::string(299, 'v') + "\"} 2.5\n") != std::string::npos);
}

TEST_CASE("records give back what went in: values, numbers, any order of labels") {
  std::vector<std::string> values{"",
                                  "a",
                                  "ab",
                                  "abc",
                                  "a\"b\\c\nd",
                                  "0123456789abcdef",
                                  "x0123456789abcdef0",
                                  "sha256:" + std::string(64, 'e'),
                                  "sha256:" + std::string(65, 'e'),
                                  std::string(2000, 'b'),
                                  "0123456789ABCDEF",
                                  std::string("nul\0", 4)};
  for (int i = 0; i < 150; ++i) values.push_back(fmt::format("value{}", i % 120));
  const double numbers[] = {
      0,       1,     2,        -1,        0.5, 1.767323045e+09, 1e-300, 1.7976931348623157e+308,
      -0.0001, 12345, INFINITY, -INFINITY, NAN};
  // Names of their own for the 20 first, which are more than there are shapes.
  const auto name = [](size_t i) { return i < 20 ? fmt::format("n{}", i) : std::string("n"); };
  std::vector<Family> families;
  families.push_back({.name = "none", .help = "h", .generate = [](const Json&, SeriesSink&) {}});
  for (const char* family : {"a", "b"}) {
    families.push_back({.name = family, .help = "h", .generate = [&](const Json&, SeriesSink& out) {
                          for (size_t i = 0; i < values.size(); ++i) {
                            out.Add({{name(i), values[i]},
                                     {"fill", std::string(64, 'f')},
                                     {"again", values[values.size() - 1 - i]}},
                                    numbers[i % std::size(numbers)]);
                          }
                          out.Add(3);
                        }});
  }
  const FamilySet set([](const Json&) { return OwnedLabels{}; }, std::move(families));
  std::string expected;
  for (const char* family : {"a", "b"}) {
    expected += fmt::format("# HELP {0} h\n# TYPE {0} gauge\n", family);
    for (size_t i = 0; i < values.size(); ++i) {
      expected += std::string(family) + "{";
      AppendLabel(&expected, name(i), values[i]);
      AppendLabel(&(expected += ','), "fill", std::string(64, 'f'));
      AppendLabel(&(expected += ','), "again", values[values.size() - 1 - i]);
      expected += "} " + FormatFloat(numbers[i % std::size(numbers)]) + "\n";
    }
    expected += std::string(family) + " 3\n";
  }
  Store store;
  store.Put(Render(set, "k", Json()));
  CHECK(PageOf(set, store) == "# HELP none h\n# TYPE none gauge\n" + expected);
}

TEST_CASE("names of labels from keys") {
  CHECK(SanitizeLabelName("a.b/c-d_9") == "a_b_c_d_9");
  const auto names = [](const std::map<std::string, std::string, std::less<>>& map) {
    std::string out;
    for (const auto& [name, value] : MapLabels("label", map)) out += name + "=" + value + " ";
    return out;
  };
  CHECK(names({{"app.kubernetes.io/name", "x"}}) == "label_app_kubernetes_io_name=x ");
  CHECK(names({{"camelCaseXYZ", "x"}}) == "label_camel_case_xyz=x ");
  CHECK(names({{"App", "1"}, {"app", "2"}}) == "label_app_conflict1=1 label_app_conflict2=2 ");
  CHECK(names({{"a-b", "1"}, {"a.b", "2"}, {"a_b", "3"}, {"c", "4"}}) ==
        "label_a_b_conflict1=1 label_a_b_conflict2=2 label_a_b_conflict3=3 label_c=4 ");
}

TEST_CASE("allow lists") {
  AllowList list;
  REQUIRE(list.Parse("pods=[app,team/*],nodes=[*], services=[ a , b ]").ok());
  CHECK(KeyAllowed(list.KeysOf("pods"), "app"));
  CHECK(KeyAllowed(list.KeysOf("pods"), "team/x"));
  CHECK(!KeyAllowed(list.KeysOf("pods"), "apps"));
  CHECK(KeyAllowed(list.KeysOf("nodes"), "anything"));
  CHECK(list.KeysOf("services") == KeyPatterns{"a", "b"});
  CHECK(list.KeysOf("jobs").empty());
  CHECK(list.Check({"pods", "nodes", "services"}).ok());
  CHECK(!list.Check({"pods"}).ok());
  AllowList all;
  REQUIRE(all.Parse("*=[x],pods=[y]").ok());
  CHECK(all.KeysOf("pods") == KeyPatterns{"x"});
  // "*" is all only in front.
  CHECK(!KeyAllowed({"a", "*"}, "b"));
  AllowList stars;
  REQUIRE(stars.Parse("pods=[a*b*]").ok());
  CHECK(!stars.Check({"pods"}).ok());
  for (const char* bad :
       {"pods", "pods=", "pods=[", "pods=a", "=[a]", "pods=[a]x", "pods=[a[b]", "pods]=[a]"}) {
    INFO(bad);
    CHECK(!AllowList().Parse(bad).ok());
  }
  CHECK(AllowList().Parse("").ok());
}

TEST_CASE("filters of families") {
  const auto on = [](std::vector<std::string> allow, std::vector<std::string> deny,
                     std::vector<std::string> opt_in, const char* name, bool is_opt_in = false) {
    const auto filter = FamilyFilter::Make(allow, deny, opt_in);
    REQUIRE(filter.ok());
    Family family;
    family.name = name;
    family.opt_in = is_opt_in;
    return filter->IsOn(family);
  };
  CHECK(on({}, {}, {}, "kube_pod_info"));
  CHECK(on({"kube_pod_.*"}, {}, {}, "kube_pod_info"));
  CHECK(!on({"kube_pod_.*"}, {}, {}, "kube_node_info"));
  CHECK(on({"pod"}, {}, {}, "kube_pod_info"));
  CHECK(!on({}, {"kube_.*_labels"}, {}, "kube_pod_labels"));
  CHECK(on({"^kube_(?!pod).*"}, {}, {}, "kube_node_info"));
  CHECK(!on({"^kube_(?!pod).*"}, {}, {}, "kube_pod_info"));
  CHECK(!on({}, {}, {}, "kube_pod_nodeselectors", true));
  CHECK(on({}, {}, {"kube_pod_.*"}, "kube_pod_nodeselectors", true));
  CHECK(!on({}, {"nodeselectors"}, {"kube_pod_.*"}, "kube_pod_nodeselectors", true));
  CHECK(!FamilyFilter::Make({"a"}, {"b"}, {}).ok());
  CHECK(!FamilyFilter::Make({"("}, {}, {}).ok());
  CHECK(!FamilyFilter::Make({}, {}, {"("}).ok());
}

}  // namespace
}  // namespace narthex::ksm
