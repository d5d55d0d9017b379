// Custom resource state: configuration, paths, values, the three types of metrics.

#include "kube_state_metrics/custom/catalog.h"
#include "kube_state_metrics/custom/config.h"
#include "kube_state_metrics/custom/generator.h"
#include "kube_state_metrics/custom/path.h"
#include "kube_state_metrics/families/page.h"
#include "tests/catch.h"

namespace narthex::ksm::custom {
namespace {

constexpr char kObject[] = R"({
  "apiVersion": "myteam.io/v1", "kind": "Foo",
  "metadata": {"name": "foo", "labels": {"bar": "baz", "qux/x": "quxx"}},
  "spec": {"version": "v0.0.0", "order": [{"id": 1, "value": true}, {"id": 3, "value": false}], "replicas": "2"},
  "status": {
    "phase": "Pending", "progress": "42%", "since": "2026-01-01T00:00:00Z", "memory": "1Ki", "nothing": null,
    "active": {"type-a": 1, "type-b": 3},
    "sub": {"type-a": {"active": 2, "ready": "yes"}, "type-b": {"active": 4, "ready": "No"}},
    "conditions": [{"type": "Provisioned", "status": "True"}, {"type": "Ready", "status": "Unknown"}]}})";

std::string Series(const std::string& metric, const std::string& extra = "") {
  const std::string yaml = R"(
kind: CustomResourceStateMetrics
spec:
  resources:
    - groupVersionKind: {group: myteam.io, version: v1, kind: Foo}
)" + extra + R"(
      metrics:
        - name: m
          help: h
)" + metric;
  const auto config = ParseConfig(yaml);
  INFO(yaml << MessageOf(config.status()));
  REQUIRE(config.ok());
  const auto families =
      MakeCustomFamilies((*config)[0], (*config)[0].gvk, *FamilyFilter::Make({}, {}, {}), 0);
  Store store;
  store.Put(Render(*families, "foo", *ParseJson(kObject)));
  const Store* stores[] = {&store};
  std::string page;
  WriteResource(*families, stores, true, [&](std::string_view chunk) {
    page += chunk;
    return true;
  });
  // Without the header and what every line has.
  std::string out;
  for (size_t begin = 0; begin < page.size();) {
    const size_t end = page.find('\n', begin) + 1;
    std::string line = page.substr(begin, end - begin);
    begin = end;
    if (line.starts_with('#')) continue;
    for (const std::string part :
         {"kube_customresource_m", "customresource_group=\"myteam.io\"",
          "customresource_kind=\"Foo\"", "customresource_version=\"v1\""}) {
      const size_t at = line.find(part);
      REQUIRE(at != std::string::npos);
      line.erase(at, part.size() + (line[at + part.size()] == ',' ? 1 : 0));
    }
    if (const size_t comma = line.find(",}"); comma != std::string::npos) line.erase(comma, 1);
    out += line;
  }
  return out;
}

TEST_CASE("gauges") {
  CHECK(Series("          each: {type: Gauge, gauge: {path: [spec, replicas]}}\n") == "{} 2\n");
  CHECK(Series("          each: {type: Gauge, gauge: {path: [status, progress]}}\n") ==
        "{} 0.42\n");
  CHECK(Series("          each: {type: Gauge, gauge: {path: [status, since]}}\n") ==
        "{} 1.7672256e+09\n");
  CHECK(Series("          each: {type: Gauge, gauge: {path: [status, memory]}}\n") == "{} 1024\n");
  CHECK(
      Series(
          "          each: {type: Gauge, gauge: {path: [status, active], labelFromKey: type}}\n") ==
      "{type=\"type-a\"} 1\n{type=\"type-b\"} 3\n");
  CHECK(Series("          each: {type: Gauge, gauge: {path: [status, sub], labelFromKey: type, "
               "valueFrom: [active], labelsFromPath: {ready: [ready]}}}\n") ==
        "{ready=\"No\",type=\"type-b\"} 4\n{ready=\"yes\",type=\"type-a\"} 2\n");
  CHECK(
      Series(
          "          each: {type: Gauge, gauge: {path: [status, conditions], valueFrom: [status], "
          "labelsFromPath: {type: [type]}}}\n") ==
      "{type=\"Provisioned\"} 1\n{type=\"Ready\"} 0\n");
  CHECK(Series("          each: {type: Gauge, gauge: {path: [spec, order], valueFrom: [value], "
               "labelsFromPath: {id: [id]}}}\n") == "{id=\"1\"} 1\n{id=\"3\"} 0\n");
  // A missing value: nothing, or zero when that is asked for.
  CHECK(Series("          each: {type: Gauge, gauge: {path: [status, nothing]}}\n").empty());
  CHECK(Series(
            "          each: {type: Gauge, gauge: {path: [status, nothing], nilIsZero: true}}\n") ==
        "{} 0\n");
  CHECK(Series("          each: {type: Gauge, gauge: {path: [spec, version]}}\n").empty());
  // One member of a map by name.
  CHECK(Series("          each: {type: Gauge, gauge: {path: [status, active], valueFrom: "
               "[type-b]}}\n") == "{} 3\n");
}

TEST_CASE("infos") {
  CHECK(Series("          each: {type: Info, info: {path: [spec], labelsFromPath: {version: "
               "[version]}}}\n") == "{version=\"v0.0.0\"} 1\n");
  CHECK(Series(
            "          each: {type: Info, info: {path: [status, active], labelFromKey: type}}\n") ==
        "{type=\"type-a\"} 1\n{type=\"type-b\"} 1\n");
  CHECK(Series("          each: {type: Info, info: {path: [spec, order], labelsFromPath: {id: "
               "[id], v: [value]}}}\n") == "{id=\"1\",v=\"true\"} 1\n{id=\"3\",v=\"false\"} 1\n");
  CHECK(Series("          each: {type: Info, info: {path: [status, nothing], labelsFromPath: {a: "
               "[b]}}}\n")
            .empty());
}

TEST_CASE("state sets") {
  CHECK(
      Series("          each: {type: StateSet, stateSet: {path: [status, phase], labelName: phase, "
             "list: [Pending, Bar]}}\n") == "{phase=\"Bar\"} 0\n{phase=\"Pending\"} 1\n");
  CHECK(Series("          each: {type: StateSet, stateSet: {path: [status, conditions], valueFrom: "
               "[status], "
               "labelName: s, list: ['True'], labelsFromPath: {type: [type]}}}\n") ==
        "{s=\"True\",type=\"Provisioned\"} 1\n{s=\"True\",type=\"Ready\"} 0\n");
  CHECK(Series("          each: {type: StateSet, stateSet: {path: [status, nothing], labelName: s, "
               "list: [a]}}\n")
            .empty());
}

TEST_CASE("labels of all levels") {
  const std::string metric =
      "          labelsFromPath: {name: [metadata, name]}\n"
      "          commonLabels: {x: metric}\n"
      "          each: {type: Gauge, gauge: {path: [spec, replicas]}}\n";
  CHECK(
      Series(metric,
             "      commonLabels: {x: resource, y: resource}\n"
             "      labelsFromPath: {'*': [metadata, labels], 'lorem_*': [metadata, labels]}\n") ==
      "{bar=\"baz\",lorem_bar=\"baz\",lorem_qux_x=\"quxx\",name=\"foo\",qux_x=\"quxx\","
      "x=\"metric\",y=\"resource\"} 2\n");
}

TEST_CASE("paths") {
  const Json object = *ParseJson(kObject);
  const auto get = [&](const std::vector<std::string>& parts) {
    return PrintValue(Path::Compile(parts)->Get(object));
  };
  CHECK(get({"metadata", "name"}) == "foo");
  CHECK(get({"spec", "order", "0", "id"}) == "1");
  CHECK(get({"spec", "order", "-1", "id"}) == "3");
  CHECK(get({"spec", "order", "2"}) == "<nil>");
  CHECK(get({"spec", "order", "x"}) == "<nil>");
  CHECK(get({"spec", "order", "[id=3]", "value"}) == "false");
  CHECK(get({"spec", "order", "[value=true]", "id"}) == "1");
  CHECK(get({"status", "conditions", "[type=Ready]", "status"}) == "Unknown");
  CHECK(get({"status", "conditions", "[type=Nope]", "status"}) == "<nil>");
  CHECK(get({"status", "phase=Pending", "progress"}) == "42%");
  CHECK(get({"status", "phase=Other", "progress"}) == "<nil>");
  CHECK(get({"status", "active"}) == "map[type-a:1 type-b:3]");
  CHECK(get({"spec", "order"}) == "[map[id:1 value:true] map[id:3 value:false]]");
  CHECK(!Path::Compile({"[x]"}).ok());
}

TEST_CASE("configurations that are wrong are refused") {
  const auto error = [](const std::string& resources) {
    return std::string(MessageOf(
        ParseConfig("kind: CustomResourceStateMetrics\nspec: {resources: [" + resources + "]}")
            .status()));
  };
  const std::string gvk = "{groupVersionKind: {group: a, version: v1, kind: K}, metrics: [";
  CHECK(error(gvk + "{name: m, each: {type: Gauge, gauge: {path: [a]}}}]}").empty());
  CHECK(error("{groupVersionKind: {group: a}}").find("version") != std::string::npos);
  CHECK(error(gvk + "{name: m, each: {type: Odd}}]}").find("Odd") != std::string::npos);
  CHECK(error(gvk + "{name: m, each: {type: Gauge, info: {path: [a]}}}]}").find("Gauge") !=
        std::string::npos);
  CHECK(error(gvk + "{name: m, each: {type: Gauge, gauge: {path: ['[a]']}}}]}").find("[a]") !=
        std::string::npos);
  CHECK(
      error(gvk + "{name: m, each: {type: StateSet, stateSet: {list: [a]}}}]}").find("labelName") !=
      std::string::npos);
  CHECK(error(gvk + "{name: 'a b', each: {type: Gauge, gauge: {}}}]}").find("a b") !=
        std::string::npos);
  CHECK(error(gvk + "{name: m, foo: 1, each: {type: Gauge, gauge: {}}}]}").find("foo") !=
        std::string::npos);
  CHECK(error(gvk + "{name: m, each: {type: Info, info: {labelFromKey: 'a-b'}}}]}").find("a-b") !=
        std::string::npos);
  CHECK(!ParseConfig("kind: Other").ok());
}

TEST_CASE("kinds of definitions, and who means them") {
  const auto kinds = KindsOf(*ParseJson(R"({"spec": {"group": "myteam.io", "scope": "Cluster",
      "names": {"kind": "Foo", "plural": "foos"},
      "versions": [{"name": "v1", "served": true}, {"name": "v0", "served": false}, {"name": "v2", "served": true}]}})"));
  REQUIRE(kinds.size() == 2);
  CHECK(kinds[0].gvk.version == "v1");
  CHECK(kinds[0].plural == "foos");
  CHECK(!kinds[0].namespaced);
  CHECK(Means({"myteam.io", "*", "*"}, kinds[0]));
  CHECK(Means({"myteam.io", "v1", "Foo"}, kinds[0]));
  CHECK(!Means({"myteam.io", "v2", "Foo"}, kinds[0]));
  CHECK(!Means({"other.io", "*", "*"}, kinds[0]));
}

}  // namespace
}  // namespace narthex::ksm::custom
