#include "core/template/executor.h"

#include "core/template/builtins.h"

namespace narthex::tmpl {

StatusOr<std::string> Executor::Run(const Tree& tree, const Value& data) {
  tree_ = &tree;
  at_ = tree.root.get();
  variables_ = {{"$", data}};
  Jump jump = Jump::kNone;
  NX_RETURN_IF_ERROR(Walk(data, *tree.root, &jump));
  return std::move(out_);
}

Status Executor::Explain(const std::string& message) const {
  return InvalidArgument("template: {}: executing \"{}\" at <{}>: {}", tree_->LocationOf(*at_),
                         tree_->name, at_->ToString(), message);
}

Status Executor::Step() {
  if (++steps_ <= options_.max_steps) return OkStatus();
  return Error("exceeded the limit of {} steps", options_.max_steps);
}

Status Executor::Append(std::string_view text) {
  if (out_.size() + text.size() > options_.max_output) {
    return Error("output larger than {} bytes", options_.max_output);
  }
  out_.append(text);
  return OkStatus();
}

Status Executor::Print(const Value& value) {
  if (value.is_nil()) return Append("<no value>");
  if (value.kind() == Value::Kind::kFunction) {
    return Error("can't print {} of type {}", at_->ToString(), value.TypeName());
  }
  return Append(ToText(value));
}

Value& Executor::Variable(const std::string& name) {
  for (size_t i = variables_.size(); i-- > 0;) {
    if (variables_[i].first == name) return variables_[i].second;
  }
  return variables_.front().second;  // the parser has refused undefined ones
}

// ---- Statements ----

Status Executor::Walk(const Value& dot, const Node& node, Jump* jump) {
  NX_RETURN_IF_ERROR(Step());
  At(node);
  switch (node.type) {
    case NodeType::kText: return Append(node.text);
    case NodeType::kList: return WalkList(dot, node, jump);
    case NodeType::kIf:
    case NodeType::kWith: return WalkIfOrWith(dot, node, jump);
    case NodeType::kRange: return WalkRange(dot, node, jump);
    case NodeType::kTemplate: return WalkTemplate(dot, node);
    case NodeType::kBreak: *jump = Jump::kBreak; return OkStatus();
    case NodeType::kContinue: *jump = Jump::kContinue; return OkStatus();
    case NodeType::kAction: break;
    default: return Error("unknown node");
  }
  NX_ASSIGN_OR_RETURN(const Value value, EvalPipeline(dot, *node.pipe));
  return node.pipe->declared.empty() ? Print(value) : OkStatus();
}

Status Executor::WalkList(const Value& dot, const Node& list, Jump* jump) {
  for (const NodePtr& child : list.children) {
    NX_RETURN_IF_ERROR(Walk(dot, *child, jump));
    if (*jump != Jump::kNone) break;
  }
  return OkStatus();
}

Status Executor::WalkIfOrWith(const Value& dot, const Node& node, Jump* jump) {
  const size_t mark = variables_.size();
  NX_ASSIGN_OR_RETURN(const Value value, EvalPipeline(dot, *node.pipe));
  Status status = OkStatus();
  if (value.Truth()) {
    status = Walk(node.type == NodeType::kWith ? value : dot, *node.body, jump);
  } else if (node.otherwise != nullptr) {
    status = Walk(dot, *node.otherwise, jump);
  }
  variables_.resize(std::min(mark, variables_.size()));
  return status;
}

Status Executor::RangeStep(const Node& node, const Value& key, const Value& element, Jump* jump) {
  const std::vector<std::string>& declared = node.pipe->declared;
  const size_t mark = variables_.size();
  if (declared.size() == 1) Variable(declared[0]) = element;
  if (declared.size() == 2) {
    Variable(declared[0]) = key;
    Variable(declared[1]) = element;
  }
  Status status = Walk(element, *node.body, jump);
  variables_.resize(std::min(mark, variables_.size()));
  if (*jump == Jump::kContinue) *jump = Jump::kNone;
  return status;
}

Status Executor::WalkRange(const Value& dot, const Node& node, Jump* jump) {
  const size_t mark = variables_.size();
  NX_ASSIGN_OR_RETURN(const Value value, EvalPipeline(dot, *node.pipe));
  bool empty = true;
  Status status = OkStatus();
  auto step = [&](const Value& key, const Value& element) {
    empty = false;
    status = RangeStep(node, key, element, jump);
    return status.ok() && *jump == Jump::kNone;
  };
  if (const List* list = value.list(); list != nullptr) {
    for (size_t i = 0; i < list->size(); ++i) {
      if (!step(Value(static_cast<int64_t>(i)), (*list)[i])) break;
    }
  } else if (const Map* map = value.map(); map != nullptr) {
    for (const auto& [key, element] : map->items) {
      if (!step(Value(key), element)) break;
    }
  } else if (value.kind() == Value::Kind::kInt) {
    for (int64_t i = 0; i < value.as_int(); ++i) {
      if (!step(Value(i), Value(i))) break;
    }
  } else if (!value.is_nil()) {
    return Error("range can't iterate over {}", ToText(value));
  }
  *jump = Jump::kNone;
  if (status.ok() && empty && node.otherwise != nullptr) status = Walk(dot, *node.otherwise, jump);
  variables_.resize(std::min(mark, variables_.size()));
  return status;
}

Status Executor::WalkTemplate(const Value& dot, const Node& node) {
  auto found = set_.trees_.find(node.text);
  if (found == set_.trees_.end()) return Error("template \"{}\" not defined", node.text);
  if (depth_ >= options_.max_template_depth) {
    return Error("exceeded maximum template depth ({})", options_.max_template_depth);
  }
  Value data;
  if (node.pipe != nullptr) {
    NX_ASSIGN_OR_RETURN(data, EvalPipeline(dot, *node.pipe));
  }
  std::vector<std::pair<std::string, Value>> variables = {{"$", data}};
  std::swap(variables, variables_);
  const Tree* outer = std::exchange(tree_, found->second.get());
  ++depth_;
  Jump jump = Jump::kNone;
  Status status = Walk(data, *tree_->root, &jump);
  --depth_;
  tree_ = outer;
  std::swap(variables, variables_);
  return status;
}

// ---- Expressions ----

StatusOr<Value> Executor::EvalPipeline(const Value& dot, const Node& pipe) {
  NX_RETURN_IF_ERROR(Step());
  At(pipe);
  Value value;
  bool first = true;
  for (const NodePtr& command : pipe.children) {
    NX_ASSIGN_OR_RETURN(value, EvalCommand(dot, *command, first ? nullptr : &value));
    first = false;
  }
  for (const std::string& name : pipe.declared) {
    if (pipe.assign) {
      Variable(name) = value;
    } else {
      variables_.emplace_back(name, value);
    }
  }
  return value;
}

StatusOr<Value> Executor::EvalCommand(const Value& dot, const Node& command, const Value* final) {
  const Node& first = *command.children[0];
  const Operands operands{&command, final};
  switch (first.type) {
    case NodeType::kField: At(first); return EvalNames(dot, first, dot, operands);
    case NodeType::kChain: {
      At(first);
      NX_ASSIGN_OR_RETURN(Value base, EvalOperand(dot, *first.children[0]));
      return EvalNames(dot, first, std::move(base), operands);
    }
    case NodeType::kVariable:
      At(first);
      if (!first.names.empty()) return EvalNames(dot, first, Variable(first.text), operands);
      break;
    case NodeType::kIdentifier: return EvalFunction(dot, first, operands);
    default: break;
  }
  At(first);
  if (operands.count() > 0) {
    return Error("can't give argument to non-function {}", first.ToString());
  }
  if (first.type == NodeType::kNil) return Error("nil is not a command");
  return EvalOperand(dot, first);
}

// A value where none is called: constants, variables, parenthesised pipelines.
StatusOr<Value> Executor::EvalOperand(const Value& dot, const Node& node) {
  At(node);
  switch (node.type) {
    case NodeType::kBool: return Value(node.text == "true");
    case NodeType::kDot: return dot;
    case NodeType::kNumber: return Constant(node);
    case NodeType::kString: return Value(node.text);
    case NodeType::kVariable: return EvalNames(dot, node, Variable(node.text), {});
    case NodeType::kField: return EvalNames(dot, node, dot, {});
    case NodeType::kPipe: return EvalPipeline(dot, node);
    case NodeType::kIdentifier: return EvalFunction(dot, node, {});
    case NodeType::kNil: return Error("nil is not a command");
    case NodeType::kChain: {
      if (node.children[0]->type == NodeType::kNil) return Error("nil is not a command");
      NX_ASSIGN_OR_RETURN(Value base, EvalOperand(dot, *node.children[0]));
      return EvalNames(dot, node, std::move(base), {});
    }
    default: return Error("can't evaluate {}", node.ToString());
  }
}

StatusOr<Value> Executor::Constant(const Node& number) {
  if (number.is_int &&
      (number.is_char || number.source.find_first_of(".eEpP") == std::string::npos ||
       number.source.starts_with("0x") || number.source.starts_with("0X"))) {
    return Value(number.integer);
  }
  if (!number.is_int && number.source.find_first_of(".eEpP") == std::string::npos) {
    return Error("{} overflows int", number.source);
  }
  return Value(number.number);
}

StatusOr<Value> Executor::EvalNames(const Value& dot, const Node& node, Value receiver,
                                    const Operands& operands) {
  bool is_data = node.type == NodeType::kField;
  for (size_t i = 0; i < node.names.size(); ++i) {
    const bool last = i + 1 == node.names.size();
    NX_ASSIGN_OR_RETURN(receiver, EvalField(dot, node, node.names[i], receiver,
                                            last ? operands : Operands{}, is_data));
    is_data = false;
  }
  return receiver;
}

StatusOr<Value> Executor::EvalField(const Value& dot, const Node& node, const std::string& name,
                                    const Value& receiver, const Operands& operands, bool is_data) {
  if (receiver.kind() == Value::Kind::kMissing || (is_data && receiver.is_nil())) {
    if (options_.missing_key == MissingKey::kError) {
      return Error("nil data; no entry for key \"{}\"", name);
    }
    return Value::Missing();
  }
  if (receiver.is_nil()) return Error("nil pointer evaluating interface {{}}.{}", name);
  const bool has_arguments = operands.count() > 0;
  if (receiver.kind() == Value::Kind::kObject) {
    if (const Function* method = receiver.as_object().GetMethod(name); method != nullptr) {
      return EvalCall(dot, *method, name, node, operands);
    }
    Value field;
    if (receiver.as_object().GetField(name, &field)) {
      if (has_arguments) {
        return Error("{} has arguments but cannot be invoked as function", name);
      }
      return field;
    }
  }
  const Map* map = receiver.map();
  if (map == nullptr) {
    return Error("can't evaluate field {} in type {}", name, receiver.TypeName());
  }
  if (has_arguments) return Error("{} is not a method but has arguments", name);
  auto found = map->items.find(name);
  if (found != map->items.end()) return found->second;
  if (options_.missing_key == MissingKey::kError)
    return Error("map has no entry for key \"{}\"", name);
  const bool zero = options_.missing_key == MissingKey::kZero && !map->zero.is_nil();
  return zero ? map->zero : Value::Missing();
}

const Function* Executor::FindFunction(const std::string& name) const {
  if (options_.functions != nullptr) {
    auto bound = options_.functions->find(name);
    if (bound != options_.functions->end()) return &bound->second;
  }
  auto own = set_.functions_->find(name);
  if (own != set_.functions_->end()) return &own->second;
  auto builtin = Builtins().find(name);
  return builtin != Builtins().end() ? &builtin->second : nullptr;
}

StatusOr<Value> Executor::EvalFunction(const Value& dot, const Node& identifier,
                                       const Operands& operands) {
  At(identifier);
  const std::string& name = identifier.text;
  const Function* function = FindFunction(name);
  if (function == nullptr && (name == "and" || name == "or")) {
    return EvalAndOr(dot, name == "and", operands);
  }
  if (function == nullptr) return Error("\"{}\" is not a defined function", name);
  const Node& context = operands.command != nullptr ? *operands.command : identifier;
  return EvalCall(dot, *function, name, context, operands);
}

// The first operand that decides, or the last one.
StatusOr<Value> Executor::EvalAndOr(const Value& dot, bool is_and, const Operands& operands) {
  if (operands.count() == 0) {
    return Error("wrong number of args for {}: want at least 1 got 0", is_and ? "and" : "or");
  }
  Value value;
  const size_t written = operands.command->children.size();
  for (size_t i = 1; i < written; ++i) {
    NX_ASSIGN_OR_RETURN(value, EvalArgument(dot, *operands.command->children[i], 'a'));
    if (value.Truth() != is_and) return value;
  }
  return operands.final != nullptr ? *operands.final : value;
}

namespace {

struct Signature {
  std::string_view fixed;
  char rest = '\0';  // the type of further arguments, or none
  char TypeOf(size_t i) const { return i < fixed.size() ? fixed[i] : rest; }
};

Signature ParseSignature(std::string_view params) {
  if (!params.ends_with('*')) return {params, '\0'};
  params.remove_suffix(1);
  return {params.substr(0, params.size() - 1), params.back()};
}

std::string_view TypeNameOf(char type) {
  switch (type) {
    case 's': return "string";
    case 'i': return "int";
    case 'f': return "float64";
    case 'b': return "bool";
    case 'l': return "[]string";
    default: return "interface {}";
  }
}

}  // namespace

StatusOr<Value> Executor::EvalCall(const Value& dot, const Function& function,
                                   const std::string& name, const Node& context,
                                   const Operands& operands) {
  const Signature signature = ParseSignature(function.params);
  const size_t count = operands.count();
  const size_t wanted = signature.fixed.size();
  if (signature.rest != '\0' ? count < wanted : count != wanted) {
    return Error("wrong number of args for {}: want {}{} got {}", name,
                 signature.rest != '\0' ? "at least " : "", wanted, count);
  }
  Arguments arguments;
  arguments.reserve(count);
  const size_t written = count - (operands.final != nullptr ? 1 : 0);
  for (size_t i = 0; i < written; ++i) {
    NX_ASSIGN_OR_RETURN(Value argument,
                        EvalArgument(dot, *operands.command->children[i + 1], signature.TypeOf(i)));
    arguments.push_back(std::move(argument));
  }
  if (operands.final != nullptr) {
    NX_ASSIGN_OR_RETURN(Value argument, CheckType(*operands.final, signature.TypeOf(written)));
    arguments.push_back(std::move(argument));
  }
  NX_RETURN_IF_ERROR(Step());
  StatusOr<Value> result = function.call(arguments);
  if (!result.ok()) {
    At(context);
    return Error("error calling {}: {}", name, MessageOf(result.status()));
  }
  return result;
}

StatusOr<Value> Executor::EvalArgument(const Value& dot, const Node& node, char type) {
  At(node);
  const std::string_view wanted = TypeNameOf(type);
  if (node.type == NodeType::kNil) {
    if (type == 'a') return Value();
    return Error("cannot assign nil to {}", wanted);
  }
  const bool constant = node.type == NodeType::kBool || node.type == NodeType::kNumber ||
                        node.type == NodeType::kString;
  if (!constant || type == 'a') {
    NX_ASSIGN_OR_RETURN(Value value, EvalOperand(dot, node));
    return CheckType(std::move(value), type);
  }
  // Constants have no type of their own: 1 is a fine float64.
  if (type == 's' && node.type == NodeType::kString) return Value(node.text);
  if (type == 'b' && node.type == NodeType::kBool) return Value(node.text == "true");
  if (type == 'i' && node.type == NodeType::kNumber && node.is_int) return Value(node.integer);
  if (type == 'f' && node.type == NodeType::kNumber && node.is_float) return Value(node.number);
  if (type == 'l') return Error("can't handle {} for arg of type {}", node.ToString(), wanted);
  const std::string_view expected = type == 'i'   ? "integer"
                                    : type == 'f' ? "float"
                                    : type == 'b' ? "boolean"
                                                  : "string";
  return Error("expected {}; found {}", expected, node.ToString());
}

StatusOr<Value> Executor::CheckType(Value value, char type) {
  bool fits = true;
  switch (type) {
    case 's': fits = value.is_string(); break;
    case 'i': fits = value.kind() == Value::Kind::kInt; break;
    case 'f': fits = value.kind() == Value::Kind::kFloat; break;
    case 'b': fits = value.kind() == Value::Kind::kBool; break;
    case 'l': fits = value.list() != nullptr; break;
    default: break;
  }
  if (fits) return value;
  if (value.is_nil()) return Error("invalid value; expected {}", TypeNameOf(type));
  return Error("wrong type for value; expected {}; got {}", TypeNameOf(type), value.TypeName());
}

}  // namespace narthex::tmpl
