// amtool template render: a template with the data of a file, or of two alerts made up.

#include <memory>

#include "alertmanager/cmd/amtool/commands.h"
#include "alertmanager/templates/templates.h"
#include "core/base/clock.h"
#include "core/base/file.h"
#include "core/json/reader.h"

namespace narthex::am {
namespace {

constexpr size_t kMaxBytes = 64 << 20;
constexpr int64_t kMinute = 60'000'000'000;

struct RenderValues {
  std::vector<std::string>* globs;
  std::string *text, *type, *data;
};

// Upstream's sample, which scripts that render without data print.
TemplateInput SampleData(int64_t now) {
  const Labels common_labels{{"commonlabelkey1", "commonlabelvalue1"},
                             {"commonlabelkey2", "commonlabelvalue2"}};
  const Labels common_annotations{{"commonannotationkey1", "commonannotationvalue1"},
                                  {"commonannotationkey2", "commonannotationvalue2"}};
  auto with = [](const Labels& base, std::initializer_list<Label> more) {
    return Labels::MergeDisjoint(base, Labels(more)).value_or(base);
  };
  TemplateInput input;
  input.receiver = "receiver";
  input.status = "alertstatus";
  input.external_url = "https://example.com";
  input.group_labels = {{"grouplabelkey1", "grouplabelvalue1"},
                        {"grouplabelkey2", "grouplabelvalue2"}};
  input.common_labels = common_labels;
  input.common_annotations = common_annotations;
  input.alerts = {{"firing",
                   with(common_labels,
                        {{"label1", "value1"}, {"label2", "value2"}, {"instance", "foo.bar:1234"}}),
                   with(common_annotations, {{"annotation1", "value1"}, {"annotation2", "value2"}}),
                   {now - 5 * kMinute, 0},
                   {now, 0},
                   "https://generatorurl.com",
                   "fingerprint1"},
                  {"resolved",
                   with(common_labels, {{"foo", "bar"}, {"baz", "qux"}}),
                   with(common_annotations, {{"aaa", "bbb"}, {"ccc", "ddd"}}),
                   {now - 10 * kMinute, 0},
                   {now, 0},
                   "https://generatorurl.com",
                   "fingerprint2"}};
  return input;
}

Labels ReadPairs(const JsonValue& object) {
  std::vector<std::pair<std::string, std::string>> pairs;
  for (const auto& [name, value] : object.members()) pairs.emplace_back(name, value.AsString());
  return Labels::FromPairs(pairs);
}

StatusOr<Time> ReadTime(const JsonValue& value) {
  if (value.is_null()) return Time{};
  return ParseTime(value.AsString());
}

StatusOr<TemplateInput> ReadData(const std::string& path) {
  NX_ASSIGN_OR_RETURN(const std::string text, ReadFile(path, kMaxBytes));
  NX_ASSIGN_OR_RETURN(const JsonValue data, ParseJson(text, {.max_bytes = kMaxBytes}));
  TemplateInput input;
  input.receiver = data["receiver"].AsString();
  input.status = data["status"].AsString();
  input.reason = data["notification_reason"].AsString();
  input.external_url = data["externalURL"].AsString();
  input.group_labels = ReadPairs(data["groupLabels"]);
  input.common_labels = ReadPairs(data["commonLabels"]);
  input.common_annotations = ReadPairs(data["commonAnnotations"]);
  input.route_labels = ReadPairs(data["routeLabels"]);
  for (const JsonValue& alert : data["alerts"].items()) {
    NX_ASSIGN_OR_RETURN(const Time starts, ReadTime(alert["startsAt"]));
    NX_ASSIGN_OR_RETURN(const Time ends, ReadTime(alert["endsAt"]));
    input.alerts.push_back({alert["status"].AsString(), ReadPairs(alert["labels"]),
                            ReadPairs(alert["annotations"]), starts, ends,
                            alert["generatorURL"].AsString(), alert["fingerprint"].AsString()});
  }
  return input;
}

Status Render(const RenderValues& v) {
  if (*v.type == "html") {
    return Unimplemented(
        "--template.type=html is known to amtool, not implemented here: it needs contextual HTML "
        "escaping");
  }
  const Clock& clock = Clock::System();
  NX_ASSIGN_OR_RETURN(const auto templates, Templates::Load(*v.globs, "", clock));
  TemplateInput input = SampleData(clock.NowNanos());
  if (!v.data->empty()) {
    NX_ASSIGN_OR_RETURN(input, ReadData(*v.data));
  }
  NX_ASSIGN_OR_RETURN(const std::string text, templates->Expand(*v.text, TemplateData(input)));
  Print(text);
  return OkStatus();
}

}  // namespace

void AddTemplateCommands(CommandSet* commands, const Settings& settings) {
  commands->Group("template", "Render template files.");
  auto v = std::make_shared<RenderValues>();
  FlagSet& flags = commands->Command(
      "template render", "Render a given definition in a template file to standard output.",
      settings.Run([v] { return Render(*v); }));
  v->globs =
      flags.Strings("template.glob", "Glob of paths that will be expanded and used for rendering.",
                    {}, {.placeholder = "TEMPLATE.GLOB", .required = true});
  v->text = flags.String("template.text", "The template that will be rendered.", "",
                         {.placeholder = "TEMPLATE.TEXT", .required = true});
  v->type = flags.Enum("template.type",
                       "The type of the template. Can be either text (default) or html (not "
                       "implemented).",
                       {"html", "text"}, "text", {.placeholder = "TEMPLATE.TYPE"});
  v->data = flags.String(
      "template.data",
      "Full path to a JSON file with the data the template is rendered with, laid out as the "
      "payload of webhooks. Two alerts made up are used otherwise.",
      "", {.placeholder = "TEMPLATE.DATA"});
}

}  // namespace narthex::am
