#include "kube_state_metrics/testing/expectations.h"

#include <algorithm>

#include "core/base/file.h"
#include "core/strings/duration.h"
#include "core/strings/numbers.h"
#include "core/strings/quote.h"
#include "tests/catch.h"

namespace narthex::ksm {
namespace {

std::vector<std::string> Words(std::string_view text, char separator = ' ') {
  std::vector<std::string> words;
  for (const std::string_view word : SplitString(text, separator)) {
    if (!word.empty()) words.emplace_back(word);
  }
  return words;
}

// "name{inside} rest" in its three parts.
struct Parts {
  std::string name, inside, rest;
};

Parts PartsOf(const std::string& line) {
  const size_t brace = line.find('{');
  const size_t blank = line.find(' ');
  if (brace > blank || brace == std::string::npos) {
    return {line.substr(0, blank), "", blank == std::string::npos ? "" : line.substr(blank + 1)};
  }
  const size_t close = line.rfind('}');
  REQUIRE(close != std::string::npos);
  return {line.substr(0, brace), line.substr(brace + 1, close - brace - 1),
          line.substr(std::min(close + 2, line.size()))};
}

// Several values of one label are kept apart: {"condition": ["true", "false", "unknown"]}.
std::map<std::string, std::vector<std::string>> LabelValues(std::string_view text) {
  std::map<std::string, std::vector<std::string>> labels;
  while (!text.empty()) {
    const size_t equals = text.find('=');
    REQUIRE(equals != std::string_view::npos);
    const std::string name(text.substr(0, equals));
    text.remove_prefix(equals + 1);
    const bool quoted = text.starts_with('"');
    if (quoted) text.remove_prefix(1);
    const size_t end = std::min(text.find(quoted ? '"' : ','), text.size());
    const std::string_view value = text.substr(0, end);
    for (const std::string_view one : SplitString(value, quoted ? '\0' : '|')) {
      labels[name].emplace_back(one);
    }
    text.remove_prefix(std::min(end + (quoted ? 2 : 1), text.size()));
  }
  return labels;
}

class Reader {
 public:
  explicit Reader(std::vector<ExpectedResource>* resources) : resources_(resources) {}

  void Read(const std::string& text) {
    std::string json;
    for (const std::string_view line : SplitString(text, '\n')) {
      if (line.empty() || line.starts_with('#')) continue;
      if (line.starts_with("object ")) {
        json = line.substr(7);
        continue;
      }
      if (line.starts_with(' ')) {
        json += line;
        continue;
      }
      if (!json.empty()) AddObject(std::exchange(json, ""));
      INFO(line);
      Statement(std::string(line));
    }
    REQUIRE(json.empty());
  }

 private:
  void AddObject(const std::string& json) {
    INFO(json);
    auto object = ParseJson(json);
    REQUIRE(object.ok());
    resources_->back().objects.push_back({*std::move(object), {}, {}});
    with_.clear();
  }

  void Statement(const std::string& line) {
    const size_t blank = line.find(' ');
    const std::string what = line.substr(0, blank);
    const std::string rest = line.substr(blank + 1);
    if (what == "resource") return AddResource(rest);
    if (what == "family") return AddFamily(rest);
    if (what == "with") return SetLeading(rest);
    REQUIRE(what == "-");
    AddSeries(rest);
  }

  void AddResource(const std::string& line) {
    const auto words = Words(line);
    REQUIRE(words.size() == 4);
    REQUIRE((words[2] == "default" || words[2] == "off"));
    resources_->push_back({words[0], words[2] == "default", {}, {}});
    prefix_ = words[1];
    common_ = Words(words[3], ',');
  }

  std::string FullName(const std::string& suffix) const {
    return suffix == "." ? prefix_ : prefix_ + "_" + suffix;
  }

  void AddFamily(const std::string& line) {
    const Parts parts = PartsOf(line);
    ExpectedFamily family;
    family.name = FullName(parts.name);
    family.labels.insert(common_.begin(), common_.end());
    for (std::string& label : Words(parts.inside, ',')) {
      if (label.ends_with('?')) {
        family.optional.insert(label.substr(0, label.size() - 1));
      } else {
        (label.ends_with('*') ? family.optional : family.labels).insert(label);
      }
    }
    for (const std::string& word : Words(parts.rest)) {
      REQUIRE((word == "counter" || word == "stable" || word == "opt-in"));
      (word == "counter"  ? family.counter
       : word == "stable" ? family.stable
                          : family.opt_in) = true;
    }
    resources_->back().families.push_back(std::move(family));
  }

  void SetLeading(const std::string& line) {
    for (const std::string& word : Words(line)) {
      const size_t equals = word.find('=');
      with_[word.substr(0, equals)] = word.substr(equals + 1);
      resources_->back().objects.back().leading.push_back(word.substr(0, equals));
    }
  }

  void AddSeries(const std::string& line) {
    const Parts parts = PartsOf(line);
    const auto values = Words(parts.rest);
    const auto labels = LabelValues(parts.inside);
    for (size_t i = 0; i < values.size(); ++i) {
      ExpectedSeries series{FullName(parts.name), with_, 0, values[i] == "resourceVersion"};
      for (const auto& [name, choices] : labels) {
        REQUIRE((choices.size() == 1 || choices.size() == values.size()));
        series.labels[name] = choices.size() == 1 ? choices[0] : choices[i];
      }
      if (!series.resource_version) series.value = ValueOf(values[i]);
      resources_->back().objects.back().series.push_back(std::move(series));
    }
    REQUIRE(!values.empty());
  }

  static double ValueOf(const std::string& text) {
    if (const auto number = ParseFloat(text)) return *number;
    const auto nanos = ParseRfc3339(text);
    REQUIRE(nanos.ok());
    return static_cast<double>(*nanos / 1'000'000'000);
  }

  std::vector<ExpectedResource>* const resources_;
  std::string prefix_;
  std::vector<std::string> common_;
  Labels with_;
};

}  // namespace

bool ExpectedFamily::Fits(const Labels& series) const {
  const auto is_optional = [&](const std::string& name) {
    return std::ranges::any_of(optional, [&](const std::string& label) {
      return label.ends_with('*') ? name.starts_with(label.substr(0, label.size() - 1))
                                  : name == label;
    });
  };
  return std::ranges::all_of(labels, [&](const auto& label) { return series.contains(label); }) &&
         std::ranges::all_of(series, [&](const auto& label) {
           return labels.contains(label.first) || is_optional(label.first);
         });
}

std::vector<ExpectedResource> ReadExpectations(const std::string& folder) {
  std::vector<ExpectedResource> resources;
  auto files = *ListDirectory(folder);
  std::ranges::sort(files);
  for (const std::string& file : files) {
    Reader(&resources).Read(*ReadFile(folder + "/" + file));
  }
  return resources;
}

}  // namespace narthex::ksm
