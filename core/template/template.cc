#include "core/template/template.h"

#include "core/template/builtins.h"
#include "core/template/executor.h"
#include "core/template/parser.h"

namespace narthex::tmpl {

TemplateSet::TemplateSet(std::shared_ptr<const FunctionMap> functions)
    : functions_(functions != nullptr ? std::move(functions)
                                      : std::make_shared<const FunctionMap>()) {}

Status TemplateSet::Parse(const std::string& name, std::string_view text) {
  auto known = [this](std::string_view function) {
    return functions_->contains(function) || Builtins().contains(function) || function == "and" ||
           function == "or";
  };
  NX_ASSIGN_OR_RETURN(auto trees, ParseText(name, text, known));
  for (std::shared_ptr<Tree>& tree : trees) {
    std::shared_ptr<const Tree>& slot = trees_[tree->name];
    if (slot == nullptr || !tree->IsEmpty()) slot = std::move(tree);
  }
  return OkStatus();
}

bool TemplateSet::Has(std::string_view name) const { return trees_.contains(name); }

std::vector<std::string> TemplateSet::Names() const {
  std::vector<std::string> names;
  names.reserve(trees_.size());
  for (const auto& [name, tree] : trees_) names.push_back(name);
  return names;
}

StatusOr<std::string> TemplateSet::Execute(std::string_view name, const Value& data,
                                           const ExecOptions& options) const {
  auto found = trees_.find(name);
  if (found == trees_.end()) {
    return NotFound("template: no template \"{}\" associated with template", name);
  }
  return Executor(*this, options).Run(*found->second, data);
}

}  // namespace narthex::tmpl
