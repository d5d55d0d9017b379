#include "server/cmd/promtool/rule_test_report.h"

#include <algorithm>

#include "core/json/writer.h"
#include "core/labels/names.h"
#include "core/strings/duration.h"
#include "core/strings/html.h"
#include "core/strings/quote.h"

namespace narthex::promtool {
namespace {

constexpr std::string_view kRed = "\x1b[0;31m";
constexpr std::string_view kGreen = "\x1b[0;32m";
constexpr std::string_view kYellow = "\x1b[0;33m";
constexpr std::string_view kPlain = "\x1b[0m";

std::string Quoted(std::string_view text) {
  std::string out;
  AppendJsonString(&out, text, false);
  return out;
}

std::string Colored(std::string_view color, std::string_view text) {
  return color.empty() ? std::string(text) : fmt::format("{}{}{}", color, text, kPlain);
}

// Lines of JSON, indented by what surrounds them.
class Lines {
 public:
  void Add(size_t depth, std::string_view text) {
    if (!out_.empty()) out_.push_back('\n');
    out_.append(12 + 4 * depth, ' ').append(text);
  }
  std::string Take() { return std::move(out_); }

 private:
  std::string out_;
};

// A whole alert in one colour, which holds the commas inside as well.
void AddWhole(const TestAlert& alert, std::string_view color, bool last, Lines* lines) {
  lines->Add(1, Colored(color, "{"));
  for (const bool annotations : {true, false}) {
    const auto& labels = annotations ? alert.annotations : alert.labels;
    const std::string key = annotations ? "\"Annotations\": {" : "\"Labels\": {";
    const std::string end = annotations ? "}," : "}";
    if (labels.empty()) {
      lines->Add(2, Colored(color, key + end));
      continue;
    }
    lines->Add(2, Colored(color, key));
    size_t left = labels.size();
    for (const auto& [name, value] : labels) {
      lines->Add(3, Colored(color, fmt::format("{}: {}{}", Quoted(name), Quoted(value),
                                               --left > 0 ? "," : "")));
    }
    lines->Add(2, Colored(color, end));
  }
  lines->Add(1, Colored(color, "}") + (last ? "" : ","));
}

using Texts = std::map<std::string, std::string>;

void AddLabels(std::string_view key, const Texts& want, const Texts& got, std::string_view comma,
               Lines* lines) {
  std::map<std::string_view, std::pair<const std::string*, const std::string*>> both;
  for (const auto& [name, value] : want) both[name].first = &value;
  for (const auto& [name, value] : got) both[name].second = &value;
  if (both.empty()) return lines->Add(2, fmt::format("\"{}\": {{}}{}", key, comma));
  lines->Add(2, fmt::format("\"{}\": {{", key));
  size_t rest = both.size();
  for (const auto& [name, values] : both) {
    const auto [a, b] = values;
    std::string text = Quoted(name) + ": ";
    if (a != nullptr && b != nullptr && *a != *b) {
      text += Colored(kYellow, Quoted(*a) + " => " + Quoted(*b));
    } else {
      text += Quoted(a != nullptr ? *a : *b);
      text = Colored(b == nullptr ? kRed : (a == nullptr ? kGreen : ""), text);
    }
    lines->Add(3, text + (--rest > 0 ? "," : ""));
  }
  lines->Add(2, fmt::format("}}{}", comma));
}

std::string EscapeXml(std::string_view text) {
  std::string out;
  for (const char c : EscapeHtml(text)) {
    switch (c) {
      case '\n': out += "&#xA;"; break;
      case '\r': out += "&#xD;"; break;
      case '\t': out += "&#x9;"; break;
      default:
        // Others are not allowed in XML.
        out += static_cast<unsigned char>(c) < 0x20 ? "\xEF\xBF\xBD" : std::string(1, c);
    }
  }
  return out;
}

}  // namespace

std::string LabelsText(const Texts& labels) {
  std::string out;
  for (const auto& [name, value] : labels) {
    const bool plain = IsValidLabelName(name, NameValidation::kLegacy);
    out += fmt::format("{}{}={}", out.empty() ? "" : ", ", plain ? name : GoQuote(name),
                       GoQuote(value));
  }
  return "{" + out + "}";
}

std::string ColoredDiff(std::vector<TestAlert> want, std::vector<TestAlert> got) {
  // None is compared like one that has nothing.
  if (want.empty()) want.emplace_back();
  if (got.empty()) got.emplace_back();
  const size_t common = std::min(want.size(), got.size());
  const size_t count = std::max(want.size(), got.size());
  Lines lines;
  for (size_t i = 0; i < count; ++i) {
    const bool last = i + 1 == count;
    if (i >= common) {
      AddWhole(i < want.size() ? want[i] : got[i], i < want.size() ? kRed : kGreen, last, &lines);
      continue;
    }
    lines.Add(1, "{");
    AddLabels("Annotations", want[i].annotations, got[i].annotations, ",", &lines);
    AddLabels("Labels", want[i].labels, got[i].labels, "", &lines);
    lines.Add(1, last ? "}" : "},");
  }
  return "[\n" + lines.Take() + "\n            ]";
}

std::string ToJUnit(const std::vector<TestSuite>& suites) {
  std::string out = "<testsuites>";
  const auto begin = [&out](const TestSuite& suite, size_t tests, size_t failures, size_t errors,
                            std::string_view time) {
    out += fmt::format(
        "<testsuite name=\"{}\" tests=\"{}\" failures=\"{}\" errors=\"{}\" skipped=\"0\" "
        "timestamp=\"{}\">",
        EscapeXml(suite.name), tests, failures, errors, time);
  };
  for (const TestSuite& suite : suites) {
    if (!suite.error.empty()) {
      begin(suite, 1, 0, 1, "");
      out += fmt::format("<testcase name=\"unknown\"><error>{}</error></testcase></testsuite>",
                         EscapeXml(suite.error));
      continue;
    }
    size_t failures = 0;
    for (const TestCase& test : suite.cases) failures += test.faults.size();
    // Without fraction and zone.
    const std::string time = FormatRfc3339Nanos(suite.started / 1000 * 1'000'000'000);
    begin(suite, suite.cases.size(), failures, 0, std::string_view(time).substr(0, 19));
    for (const TestCase& test : suite.cases) {
      out += fmt::format("<testcase name=\"{}\">", EscapeXml(test.name));
      for (const std::string& fault : test.faults) {
        out += fmt::format("<failure>{}</failure>", EscapeXml(fault));
      }
      out += "</testcase>";
    }
    out += "</testsuite>";
  }
  return out + "</testsuites>";
}

}  // namespace narthex::promtool
