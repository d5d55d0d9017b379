#pragma once
// Go's text/template: a set of named templates, parsed once, executed any number of times.
//
//   TemplateSet set(functions);
//   NX_RETURN_IF_ERROR(set.Parse("alert", "{{ $labels.job }} is at {{ $value | humanize }}"));
//   NX_ASSIGN_OR_RETURN(std::string text, set.Execute("alert", data, options));
//
// The language is complete: actions, pipelines, variables, if/else/with/range/break/continue,
// define/template/block, trim markers, comments, every builtin. Numbers are int and float64;
// complex constants are refused. Contextual HTML escaping is not part of it.
//
// Errors read as Go's: "template: alert:1:5: executing "alert" at <.Foo>: …" and, for parsing,
// "template: alert:1: unexpected "}" in operand".
//
// Limits: nesting of the source, recursion of {{template}}, steps and bytes of output.
//
// Thread safety: const methods may run concurrently. Copies share the parsed trees, so a copy is
// what Go calls Clone.

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/status.h"
#include "core/template/value.h"

namespace narthex::tmpl {

using FunctionMap = std::map<std::string, Function, std::less<>>;

enum class MissingKey {
  kDefault,  // <no value>
  kZero,     // the zero value of the map's elements
  kError,    // map has no entry for key "x"
};

struct ExecOptions {
  MissingKey missing_key = MissingKey::kDefault;
  // Looked up before the functions the set was made with: the ones bound to this execution
  // (query, externalURL). Every name must also be known to the set when it parses.
  const FunctionMap* functions = nullptr;
  size_t max_output = 16 << 20;
  uint64_t max_steps = 10'000'000;
  int max_template_depth = 200;
};

struct Tree;  // tree.h, private

class TemplateSet {
 public:
  explicit TemplateSet(std::shared_ptr<const FunctionMap> functions);

  // Adds `name` and whatever the text defines. A later definition replaces an earlier one, except
  // that an empty one (blanks and comments) replaces nothing.
  Status Parse(const std::string& name, std::string_view text);
  bool Has(std::string_view name) const;
  std::vector<std::string> Names() const;

  StatusOr<std::string> Execute(std::string_view name, const Value& data,
                                const ExecOptions& options = {}) const;

 private:
  friend class Executor;
  std::shared_ptr<const FunctionMap> functions_;
  std::map<std::string, std::shared_ptr<const Tree>, std::less<>> trees_;
};

}  // namespace narthex::tmpl
