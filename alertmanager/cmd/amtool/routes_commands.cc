// amtool config routes show, amtool config routes test: the routing tree of a file or of a server.

#include <cstdio>
#include <memory>

#include "alertmanager/cmd/amtool/api_client.h"
#include "alertmanager/cmd/amtool/arguments.h"
#include "alertmanager/cmd/amtool/commands.h"
#include "alertmanager/dispatch/route_tree.h"

namespace narthex::am {
namespace {

// What both commands are given.
struct Source {
  std::string* config_file;
  const FlagSet* global;
};

StatusOr<RouteTree> LoadRoutes(const Settings& settings, const Source& source) {
  std::shared_ptr<const Config> config;
  if (!source.config_file->empty()) {
    NX_RETURN_IF_ERROR(CheckExistingFile(*source.config_file));
    if (source.global->WasSet("alertmanager.url")) {
      std::fputs("Warning: --config.file flag overrides the --alertmanager.url.\n", stderr);
    }
    NX_ASSIGN_OR_RETURN(config, LoadConfigFile(*source.config_file, LoadPart::kRoutes));
  } else {
    NX_ASSIGN_OR_RETURN(auto api, ApiClient::Create(settings));
    NX_ASSIGN_OR_RETURN(const JsonValue status, api->Call(kGetStatus));
    NX_ASSIGN_OR_RETURN(config,
                        LoadConfig(status["config"]["original"].AsString(), "", LoadPart::kRoutes));
  }
  return RouteTree(std::move(config));
}

// A tree as text: a line a node.
struct Branch {
  std::string text;
  std::vector<Branch> children;
};

void Draw(const std::vector<Branch>& branches, const std::string& indent, std::string* out) {
  for (const Branch& branch : branches) {
    const bool last = &branch == &branches.back();
    *out += fmt::format("{}{} {}\n", indent, last ? "└──" : "├──", branch.text);
    Draw(branch.children, indent + (last ? "    " : "│   "), out);
  }
}

std::string Tree(std::string_view title, Branch root) {
  std::string out = fmt::format("{}\n.\n", title);
  Draw({std::move(root)}, "", &out);
  return out + "\n";
}

std::string NameOf(const RouteNode& route) {
  return route.matchers.empty() ? "default-route" : ToString(route.matchers);
}

Branch WholeTree(const RouteNode& route) {
  Branch branch{fmt::format("{}{}  receiver: {}", NameOf(route),
                            route.proceed ? "  continue: true" : "", route.receiver),
                {}};
  for (const auto& child : route.children) branch.children.push_back(WholeTree(*child));
  return branch;
}

Branch MatchingTree(const RouteNode& route, const Labels& labels) {
  Branch branch{NameOf(route), {}};
  for (const auto& child : route.children) {
    if (!MatchesAll(child->matchers, labels)) continue;
    branch.children.push_back(MatchingTree(*child, labels));
    if (!child->proceed) break;
  }
  if (branch.children.empty()) branch.text += "  receiver: " + route.receiver;
  return branch;
}

Status ShowRoutes(const Settings& settings, const Source& source) {
  NX_ASSIGN_OR_RETURN(const RouteTree tree, LoadRoutes(settings, source));
  Print(Tree("Routing tree:", WholeTree(tree.root())));
  return OkStatus();
}

struct TestValues {
  std::string* verify_receivers;
  bool* tree;
  std::vector<std::string>* labels;
};

StatusOr<Labels> ReadLabels(const std::vector<std::string>& arguments) {
  const StatusOr<PairMap> pairs = ParsePairs(arguments, "Labels");
  if (pairs.ok()) {
    return Labels::FromPairs(
        std::vector<std::pair<std::string, std::string>>(pairs->begin(), pairs->end()));
  }
  const bool is_matcher = ParseMatcherArguments(arguments).ok();
  return is_matcher ? pairs.status() : Annotate(pairs.status(), "Failed to parse labels");
}

// False when the receivers are not those that were expected.
StatusOr<bool> TestRoutes(const Settings& settings, const Source& source, const TestValues& v) {
  NX_ASSIGN_OR_RETURN(const RouteTree tree, LoadRoutes(settings, source));
  NX_ASSIGN_OR_RETURN(const Labels labels, ReadLabels(*v.labels));
  if (*v.tree) Print(Tree("Matching routes:", MatchingTree(tree.root(), labels)) + "\n");
  std::string receivers;
  for (const RouteNode* route : tree.Match(labels)) {
    receivers += (receivers.empty() ? "" : ",") + route->receiver;
  }
  Print(receivers + "\n");
  if (v.verify_receivers->empty() || *v.verify_receivers == receivers) return true;
  Print("WARNING: Expected receivers did not match resolved receivers.\n");
  return false;
}

constexpr char kSourceHelp[] =
    "\n\nRouting is loaded from a local configuration file or a running Alertmanager. Specifying "
    "--config.file takes precedence over --alertmanager.url. Receivers are not looked into.";

}  // namespace

void AddRoutesCommands(CommandSet* commands, const Settings& settings) {
  auto source = std::make_shared<Source>();
  FlagSet& group =
      commands->Group("config routes", std::string("Prints alert routing tree") + kSourceHelp);
  source->config_file =
      group.String("config.file", "Config file to be tested.", "", {.placeholder = "CONFIG.FILE"});
  source->global = &commands->global();
  commands->Command(
      "config routes show",
      std::string("Prints alert routing tree\n\nPrints the whole tree of routes.") + kSourceHelp,
      settings.Run([source, &settings] { return ShowRoutes(settings, *source); }));
  commands->SetDefault("config routes show");

  auto v = std::make_shared<TestValues>();
  auto as_expected = std::make_shared<bool>(true);
  auto run = settings.Run([source, v, as_expected, &settings]() -> Status {
    NX_ASSIGN_OR_RETURN(*as_expected, TestRoutes(settings, *source, *v));
    return OkStatus();
  });
  FlagSet& flags = commands->Command(
      "config routes test",
      std::string("Test alert routing\n\nPrints the names of the receivers that an alert with the "
                  "given labels goes to, in the order of the routing tree.") +
          kSourceHelp +
          "\n\n  amtool config routes test --config.file=am.yml --verify.receivers=db-pager "
          "service=database",
      [run, as_expected] {
        const int code = run();
        return *as_expected ? code : 1;
      });
  v->verify_receivers = flags.String(
      "verify.receivers",
      "Checks if specified receivers matches resolved receivers. The command fails if the labelset "
      "does not route to the specified receivers.",
      "", {.placeholder = "VERIFY.RECEIVERS"});
  v->tree = flags.Bool("tree", "Prints out matching routes tree.", false);
  v->labels =
      flags.Args("labels", "List of labels to be tested against the configured routes.", false);
}

}  // namespace narthex::am
