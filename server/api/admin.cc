// admin/tsdb/*: deletion, clean-up and snapshots, behind --web.enable-admin-api. And the blocks.

#include "core/strings/quote.h"
#include "server/api/impl.h"
#include "server/api/params.h"

namespace narthex::api {
namespace {

Failure InternalFailure(const Status& status) {
  return {"internal", std::string(MessageOf(status))};
}

// As Go's strconv.ParseBool.
std::optional<bool> ParseGoBool(std::string_view text) {
  for (const std::string_view yes : {"1", "t", "T", "TRUE", "true", "True"}) {
    if (text == yes) return true;
  }
  for (const std::string_view no : {"0", "f", "F", "FALSE", "false", "False"}) {
    if (text == no) return false;
  }
  return std::nullopt;
}

}  // namespace

Outcome Api::Impl::StatusTsdbBlocks(const Call&) {
  if (!sources.tsdb_blocks) return Unavailable("TSDB not ready");
  return Answer{[blocks = sources.tsdb_blocks()](DataWriter& out) {
                  out.json().BeginObject().Key("blocks").BeginArray();
                  for (const std::string& meta : blocks) out.json().Raw(meta);
                  out.json().EndArray().EndObject();
                },
                {},
                {}};
}

Outcome Api::Impl::DeleteSeries(const Call& call) {
  if (!options.enable_admin_api) return Unavailable("admin APIs disabled");
  if (!sources.delete_series) return Unavailable("TSDB not ready");
  const std::vector<std::string> selectors = call.form.GetAll("match[]");
  if (selectors.empty()) return BadData("no match[] parameter provided");
  const auto start = TimeParam(call.form, "start", kMinTime);
  if (!start.ok()) return BadData(start.status());
  const auto end = TimeParam(call.form, "end", kMaxTime);
  if (!end.ok()) return BadData(end.status());
  const auto sets = MatcherSets(selectors);
  if (!sets.ok()) return BadParameter("match[]", sets.status());
  for (const std::vector<Matcher>& matchers : *sets) {
    const Status status = sources.delete_series(*start, *end, matchers);
    if (!status.ok()) return InternalFailure(status);
  }
  return Answer();
}

Outcome Api::Impl::CleanTombstones(const Call&) {
  if (!options.enable_admin_api) return Unavailable("admin APIs disabled");
  if (!sources.clean_tombstones) return Unavailable("TSDB not ready");
  const Status status = sources.clean_tombstones();
  if (!status.ok()) return InternalFailure(status);
  return Answer();
}

Outcome Api::Impl::Snapshot(const Call& call) {
  if (!options.enable_admin_api) return Unavailable("admin APIs disabled");
  if (!sources.snapshot) return Unavailable("TSDB not ready");
  bool skip_head = false;
  if (const std::string_view text = call.form.Get("skip_head"); !text.empty()) {
    const std::optional<bool> value = ParseGoBool(text);
    if (!value.has_value()) {
      return BadData(
          fmt::format("invalid parameter \"skip_head\": unable to parse boolean: "
                      "strconv.ParseBool: parsing {}: invalid syntax",
                      GoQuote(text)));
    }
    skip_head = *value;
  }
  const auto name = sources.snapshot(skip_head);
  if (!name.ok()) return InternalFailure(name.status());
  return Answer{[name = *name](DataWriter& out) {
                  out.json().BeginObject().Member("name", name).EndObject();
                },
                {},
                {}};
}

}  // namespace narthex::api
