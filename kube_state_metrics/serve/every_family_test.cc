// Every family of every resource, of the running program, against what was derived by hand
// (testdata/expected).

#include <algorithm>

#include "core/exposition/families.h"
#include "core/strings/numbers.h"
#include "core/strings/quote.h"
#include "kube_state_metrics/testing/expectations.h"
#include "kube_state_metrics/testing/program.h"
#include "tests/catch.h"

namespace narthex::ksm {
namespace {

const std::vector<ExpectedResource>& Expectations() {
  static const auto* const all =
      new std::vector<ExpectedResource>(ReadExpectations("testdata/expected"));
  return *all;
}

std::string KeyOf(const JsonValue& object) {
  const std::string& ns = object["metadata"]["namespace"].AsString();
  const std::string& name = object["metadata"]["name"].AsString();
  return ns.empty() ? name : ns + "/" + name;
}

std::string Text(const std::string& family, const Labels& labels) {
  std::string text = family + "{";
  for (const auto& [name, value] : labels) text += fmt::format("{}={},", name, GoQuote(value));
  return text + "}";
}

// The program beside an API server that has the objects of all expectations.
struct Cluster {
  explicit Cluster(const std::vector<std::string>& flags) {
    for (const ExpectedResource& resource : Expectations()) {
      for (const ExpectedObject& object : resource.objects) {
        program.api->objects().Put(kube::CollectionOf(object.json), object.json);
      }
    }
    program.Start(flags);
  }

  // The page as soon as it has so many series; what there is after the time-out.
  std::string PageWith(size_t series) const {
    std::string page;
    CHECK(Eventually([&] {
      page = program.Get("/metrics").body;
      size_t lines = 0;
      for (const std::string_view line : SplitString(page, '\n')) {
        lines += line.empty() || line.starts_with('#') ? 0U : 1U;
      }
      return lines >= series;
    }));
    return page;
  }
  double VersionOf(const JsonValue& object) const {
    const std::string text = program.api->objects().Get(kube::CollectionOf(object), KeyOf(object));
    return *ParseFloat((*ParseJson(text))["metadata"]["resourceVersion"].AsString());
  }

  Program program;
};

// HELP and TYPE of a page, in its order; the help's text is left out but for the stability.
std::vector<std::string> HeadersOf(const std::string& page) {
  std::vector<std::string> headers;
  for (const std::string_view line : SplitString(page, '\n')) {
    const auto words = SplitString(line, ' ');
    if (line.starts_with("# HELP ")) {
      CHECK(words.size() > (words[3] == "[STABLE]" ? 4U : 3U));  // says something
      headers.push_back(fmt::format("{}{}", words[2], words[3] == "[STABLE]" ? " stable" : ""));
    } else if (line.starts_with("# TYPE ")) {
      headers.back() += fmt::format(" {}", words[3]);
    }
  }
  return headers;
}

std::vector<std::string> HeadersOf(const ExpectedResource& resource, bool opt_in) {
  std::vector<std::string> headers;
  for (const ExpectedFamily& family : resource.families) {
    if (family.opt_in && !opt_in) continue;
    headers.push_back(fmt::format("{}{} {}", family.name, family.stable ? " stable" : "",
                                  family.counter ? "counter" : "gauge"));
  }
  return headers;
}

// All of them, those of a resource in the expected order, whatever the order of the resources.
void CheckHeaders(const std::vector<std::string>& shown, bool only_default, bool opt_in) {
  size_t expected = 0;
  for (const ExpectedResource& resource : Expectations()) {
    if (only_default && !resource.by_default) continue;
    const auto want = HeadersOf(resource, opt_in);
    expected += want.size();
    INFO(resource.name);
    const auto first = std::ranges::find(shown, want.front());
    const auto last = first + std::min<ptrdiff_t>(std::ssize(want), shown.end() - first);
    CHECK(std::vector<std::string>(first, last) == want);
  }
  CHECK(shown.size() == expected);
}

TEST_CASE(
    "the expectations are whole: 39 resources, 336 families, each of them shown by an object") {
  size_t families = 0;
  size_t stable = 0;
  for (const ExpectedResource& resource : Expectations()) {
    families += resource.families.size();
    for (const ExpectedFamily& family : resource.families) {
      stable += family.stable ? 1U : 0U;
      size_t shown = 0;
      for (const ExpectedObject& object : resource.objects) {
        for (const ExpectedSeries& series : object.series) {
          if (series.family != family.name) continue;
          ++shown;
          INFO(Text(series.family, series.labels));
          CHECK(family.Fits(series.labels));
        }
      }
      INFO(family.name);
      CHECK(shown > 0);
    }
  }
  CHECK(Expectations().size() == 39);
  CHECK(families == 336);
  CHECK(stable == 182);
}

TEST_CASE("every family of every resource shows what the objects imply, and nothing else") {
  std::string resources;
  size_t count = 0;
  for (const ExpectedResource& resource : Expectations()) {
    resources += resource.name + ",";
    for (const ExpectedObject& object : resource.objects) count += object.series.size();
  }
  const Cluster cluster({"--resources=" + resources, "--metric-opt-in-list=.*",
                         "--metric-labels-allowlist=*=[*]",
                         "--metric-annotations-allowlist=*=[*]"});
  const std::string page = cluster.PageWith(count);
  CheckHeaders(HeadersOf(page), false, true);

  std::map<std::string, double> shown;
  std::map<std::string, std::vector<std::string>> order;  // of the names of the labels
  const auto parsed = ParseTextFamilies(page);
  REQUIRE(parsed.ok());
  for (const MetricFamily& family : *parsed) {
    for (const MetricSample& sample : family.samples) {
      Labels labels;
      std::vector<std::string> names;
      for (const MetricLabel& label : sample.labels) {
        labels[label.name] = label.value;
        names.push_back(label.name);
      }
      const std::string text = Text(family.name, labels);
      CHECK(shown.emplace(text, sample.value).second);
      order[text] = std::move(names);
    }
  }
  for (const ExpectedResource& resource : Expectations()) {
    for (const ExpectedObject& object : resource.objects) {
      for (const ExpectedSeries& series : object.series) {
        const std::string text = Text(series.family, series.labels);
        INFO(text);
        const auto found = shown.find(text);
        CHECK(found != shown.end());
        if (found == shown.end()) continue;
        CHECK(found->second ==
              (series.resource_version ? cluster.VersionOf(object.json) : series.value));
        auto names = order[text];
        names.resize(object.leading.size());
        CHECK(names == object.leading);
        shown.erase(found);
      }
    }
  }
  for (const auto& [text, value] : shown) {
    INFO("not expected: " << text << " " << value);
    CHECK(false);
  }
}

TEST_CASE("without flags the default resources are shown, without what must be asked for") {
  const Cluster cluster({});
  size_t count = 0;
  for (const ExpectedResource& resource : Expectations()) {
    if (!resource.by_default) continue;
    for (const ExpectedObject& object : resource.objects) {
      count += static_cast<size_t>(std::ranges::count_if(object.series, [&](const auto& series) {
        const auto family =
            std::ranges::find(resource.families, series.family, &ExpectedFamily::name);
        return !family->opt_in && !series.family.ends_with("_labels") &&
               !series.family.ends_with("_annotations");
      }));
    }
  }
  const std::string page = cluster.PageWith(count);
  CheckHeaders(HeadersOf(page), true, false);
  CHECK(page.find("_labels{") == std::string::npos);
  CHECK(page.find("_annotations{") == std::string::npos);
}

}  // namespace
}  // namespace narthex::ksm
