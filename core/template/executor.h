#pragma once
// Walks a tree. One object an execution. Private to the module.

#include <string>
#include <utility>
#include <vector>

#include "core/template/template.h"
#include "core/template/tree.h"

namespace narthex::tmpl {

class Executor {
 public:
  Executor(const TemplateSet& set, const ExecOptions& options) : set_(set), options_(options) {}
  StatusOr<std::string> Run(const Tree& tree, const Value& data);

 private:
  enum class Jump { kNone, kBreak, kContinue };
  using Arguments = std::vector<Value>;

  // Operands of a call that are not evaluated yet: args[0] is the callee itself.
  struct Operands {
    const Node* command = nullptr;  // nullptr: none
    const Value* final = nullptr;   // the value piped in
    size_t count() const {
      return (command == nullptr || command->children.empty() ? 0 : command->children.size() - 1) +
             (final != nullptr ? 1 : 0);
    }
  };

  Status Walk(const Value& dot, const Node& node, Jump* jump);
  Status WalkList(const Value& dot, const Node& list, Jump* jump);
  Status WalkIfOrWith(const Value& dot, const Node& node, Jump* jump);
  Status WalkRange(const Value& dot, const Node& node, Jump* jump);
  Status WalkTemplate(const Value& dot, const Node& node);
  Status RangeStep(const Node& node, const Value& key, const Value& element, Jump* jump);

  StatusOr<Value> EvalPipeline(const Value& dot, const Node& pipe);
  StatusOr<Value> EvalCommand(const Value& dot, const Node& command, const Value* final);
  StatusOr<Value> EvalOperand(const Value& dot, const Node& node);
  StatusOr<Value> EvalNames(const Value& dot, const Node& node, Value receiver,
                            const Operands& operands);
  StatusOr<Value> EvalField(const Value& dot, const Node& node, const std::string& name,
                            const Value& receiver, const Operands& operands, bool is_data);
  StatusOr<Value> EvalFunction(const Value& dot, const Node& identifier, const Operands& operands);
  StatusOr<Value> EvalAndOr(const Value& dot, bool is_and, const Operands& operands);
  StatusOr<Value> EvalCall(const Value& dot, const Function& function, const std::string& name,
                           const Node& context, const Operands& operands);
  StatusOr<Value> EvalArgument(const Value& dot, const Node& node, char type);
  StatusOr<Value> CheckType(Value value, char type);
  StatusOr<Value> Constant(const Node& number);
  const Function* FindFunction(const std::string& name) const;

  Status Print(const Value& value);
  Status Append(std::string_view text);
  Status Step();
  template <typename... Args>
  Status Error(fmt::format_string<Args...> format, Args&&... args) const {
    return Explain(fmt::format(format, std::forward<Args>(args)...));
  }
  Status Explain(const std::string& message) const;
  void At(const Node& node) { at_ = &node; }
  Value& Variable(const std::string& name);

  const TemplateSet& set_;
  const ExecOptions& options_;
  const Tree* tree_ = nullptr;
  const Node* at_ = nullptr;
  std::vector<std::pair<std::string, Value>> variables_;
  std::string out_;
  uint64_t steps_ = 0;
  int depth_ = 0;
};

}  // namespace narthex::tmpl
