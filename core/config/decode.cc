#include "core/config/decode.h"

#include <algorithm>

#include "core/config/types.h"
#include "core/config/url.h"
#include "core/strings/numbers.h"

namespace narthex::config {

// ---- Context ----

namespace {
constexpr size_t kMaxErrors = 1000;  // of one document; a hostile file must not make a novel
}  // namespace

void Context::AddError(int line, std::string message) {
  if (errors_.size() < kMaxErrors) errors_.emplace_back(line, std::move(message));
}

void Context::AddMismatch(const Node& node, std::string_view go_type) {
  std::string value;
  if (node.is_scalar() || node.is_null()) {
    value = node.value.size() > 10 ? fmt::format(" `{}...`", node.value.substr(0, 7))
                                   : fmt::format(" `{}`", node.value);
  }
  AddError(node.line, fmt::format("cannot unmarshal {}{} into {}", ShortTag(node), value, go_type));
}

void Context::Abort(Status status) {
  if (abort_.ok()) abort_ = std::move(status);
}

Status Context::Result() {
  if (!abort_.ok()) return abort_;
  if (errors_.empty()) return OkStatus();
  // go-yaml walks the document, we walk the description: restore the document's order.
  std::stable_sort(errors_.begin(), errors_.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  std::string text = "yaml: unmarshal errors:";
  for (const auto& [line, message] : errors_) {
    text += fmt::format("\n  line {}: {}", line, message);
  }
  return InvalidArgument("{}", text);
}

// ---- Fields ----

Fields Fields::ForDecode(Context& context, const Node& mapping) {
  Fields fields(Mode::kDecode);
  fields.context_ = &context;
  fields.line_ = mapping.line;
  StatusOr<std::vector<Entry>> entries = Entries(mapping);
  if (entries.ok()) {
    fields.entries_ = *std::move(entries);
    fields.taken_.resize(fields.entries_.size());
  } else {
    context.Abort(entries.status());
  }
  return fields;
}

Fields Fields::ForPrint() { return Fields(Mode::kPrint); }
Fields Fields::ForTypeName() { return Fields(Mode::kTypeName); }

void Fields::Type(std::string_view name, std::string_view outer) {
  if (inline_depth_ > 0) return;
  type_ = name;
  outer_ = outer.empty() ? name : outer;
}

Entry* Fields::Find(std::string_view key) {
  Entry* found = nullptr;
  for (size_t i = 0; i < entries_.size(); ++i) {
    if (entries_[i].key != key) continue;
    taken_[i] = true;
    if (found == nullptr) found = &entries_[i];
  }
  return found;
}

bool Fields::Has(std::string_view key) const {
  return std::any_of(entries_.begin(), entries_.end(),
                     [&](const Entry& entry) { return entry.key == key; });
}

const Node* Fields::Take(std::string_view key) {
  if (mode_ != Mode::kDecode) return nullptr;
  Entry* entry = Find(key);
  return entry == nullptr || entry->value->is_null() ? nullptr : entry->value;
}

void Fields::Put(std::string_view key, NodePtr value) {
  if (mode_ == Mode::kPrint) printed_.emplace_back(std::string(key), std::move(value));
}

void Fields::Secret(std::string_view key, std::string& value) {
  if (mode_ != Mode::kPrint) return Field(key, value);
  if (!value.empty()) Put(key, MakePlain("<secret>"));
}

void Fields::Url(std::string_view key, std::string& value, Print print) {
  if (mode_ == Mode::kPrint) {
    if (print == Print::kAlways || !value.empty()) Put(key, MakeString(RedactUrl(value)));
    return;
  }
  const size_t errors_before = mode_ == Mode::kDecode ? context_->error_count() : 0;
  Field(key, value);
  if (mode_ != Mode::kDecode || context_->error_count() != errors_before || value.empty()) return;
  if (Status status = CheckUrl(value); !status.ok()) context_->Abort(std::move(status));
}

void Fields::Millis(std::string_view key, int64_t& ms, Print print) {
  Duration duration{ms};
  Field(key, duration, print);
  ms = duration.ms;
}

void Fields::Bytes(std::string_view key, int64_t& bytes, Print print) {
  Size size{bytes};
  Field(key, size, print);
  bytes = size.bytes;
}

void Fields::FlowList(std::string_view key, std::vector<std::string>& values) {
  if (mode_ != Mode::kPrint) return Field(key, values);
  if (values.empty()) return;
  std::vector<NodePtr> items;
  items.reserve(values.size());
  for (const std::string& value : values) items.push_back(MakeString(value));
  Put(key, MakeFlowSequence(std::move(items)));
}

void Fields::Refuse(std::string_view key, std::string_view what) {
  const Node* node = Take(key);
  if (node == nullptr || context_->ignore_refused()) return;
  Fail(Unimplemented("line {}: {} is {}", node->line, key, what));
}

void Fields::Fail(Status status) {
  if (mode_ != Mode::kDecode) return;
  RunLater([status = std::move(status)] { return status; });
}

void Fields::Finish(size_t errors_before) {
  for (size_t i = 0; i < entries_.size(); ++i) {
    const Entry& entry = entries_[i];
    const int line = entry.key_node->line;
    if (entry.duplicate && context_->dialect() == Dialect::kV3) {
      context_->AddError(line, fmt::format("mapping key \"{}\" already defined at line {}",
                                           entry.key, entry.first_line));
    } else if (entry.duplicate && taken_[i]) {
      context_->AddError(line, fmt::format("field {} already set in type {}", entry.key, type_));
    } else if (!taken_[i] && !context_->ignore_unknown()) {
      context_->AddError(line, fmt::format("field {} not found in type {}", entry.key, type_));
    }
  }
  for (const auto& check : checks_) {
    if (context_->aborted() || context_->error_count() != errors_before) return;
    if (Status status = check(); !status.ok()) context_->Abort(std::move(status));
  }
}

NodePtr Fields::TakePrinted() { return MakeMapping(std::move(printed_)); }

// ---- Codecs of scalars and maps ----

bool DecodeText(Context& context, const Node& node, std::string_view go_type, std::string* out) {
  if (node.is_null()) {
    out->clear();
    return true;
  }
  if (!node.is_scalar()) {
    context.AddMismatch(node, go_type);
    return false;
  }
  *out = node.value;
  return true;
}

bool DecodeInt(Context& context, const Node& node, std::string_view go_type, int64_t min,
               int64_t max, int64_t* out) {
  if (node.is_null()) return *out = 0, true;
  const Scalar scalar = node.is_scalar() ? Resolve(node) : Scalar{};
  if (scalar.type == ScalarType::kInt && !scalar.is_unsigned && scalar.integer >= min &&
      scalar.integer <= max) {
    *out = scalar.integer;
    return true;
  }
  // go-yaml cuts the fraction off.
  if (scalar.type == ScalarType::kFloat && scalar.number > -9.2e18 && scalar.number < 9.2e18) {
    const int64_t cut = static_cast<int64_t>(scalar.number);
    if (cut >= min && cut <= max) return *out = cut, true;
  }
  context.AddMismatch(node, go_type);
  return false;
}

bool DecodeUint(Context& context, const Node& node, std::string_view go_type, uint64_t max,
                uint64_t* out) {
  if (node.is_null()) return *out = 0, true;
  const Scalar scalar = node.is_scalar() ? Resolve(node) : Scalar{};
  if (scalar.type == ScalarType::kInt && (scalar.is_unsigned || scalar.integer >= 0)) {
    *out = static_cast<uint64_t>(scalar.integer);
    if (*out <= max) return true;
  }
  if (scalar.type == ScalarType::kFloat && scalar.number >= 0 && scalar.number < 1.8e19) {
    *out = static_cast<uint64_t>(scalar.number);
    if (*out <= max) return true;
  }
  context.AddMismatch(node, go_type);
  return false;
}

void DecodeBool(Context& context, const Node& node, bool* out) {
  const Scalar scalar = node.is_scalar() || node.is_null() ? Resolve(node) : Scalar{};
  if (scalar.type == ScalarType::kBool) {
    *out = scalar.boolean;
  } else if (scalar.type == ScalarType::kNull) {
    *out = false;
  } else {
    context.AddMismatch(node, "bool");
  }
}

void DecodeDouble(Context& context, const Node& node, double* out) {
  const Scalar scalar = node.is_scalar() || node.is_null() ? Resolve(node) : Scalar{};
  if (scalar.type == ScalarType::kInt || scalar.type == ScalarType::kFloat) {
    *out = scalar.number;
  } else if (scalar.type == ScalarType::kNull) {
    *out = 0;
  } else {
    context.AddMismatch(node, "float64");
  }
}

NodePtr Codec<double>::Encode(double v) { return MakePlain(FormatFloat(v)); }

void DecodeMap(Context& context, const Node& node, const std::string& go_type,
               const std::function<void(const std::string&, const Node&)>& add) {
  if (node.is_null()) return;
  if (!node.is_mapping()) return context.AddMismatch(node, go_type);
  StatusOr<std::vector<Entry>> entries = Entries(node);
  if (!entries.ok()) return context.Abort(entries.status());
  for (const Entry& entry : *entries) {
    if (entry.duplicate) {
      context.AddError(entry.key_node->line,
                       context.dialect() == Dialect::kV3
                           ? fmt::format("mapping key \"{}\" already defined at line {}", entry.key,
                                         entry.first_line)
                           : fmt::format("key \"{}\" already set in map", entry.key));
      continue;
    }
    add(entry.key, *entry.value);
    if (context.aborted()) return;
  }
}

void Codec<Labels>::Decode(Context& context, const Node& node, Labels* out) {
  std::map<std::string, std::string> pairs;
  Codec<std::map<std::string, std::string>>::Decode(context, node, &pairs);
  LabelsBuilder builder;
  for (const auto& [name, value] : pairs) builder.Set(name, value);
  *out = builder.Build();
}

NodePtr Codec<Labels>::Encode(const Labels& v) {
  std::vector<std::pair<std::string, NodePtr>> members;
  for (const Label& label : v) {
    members.emplace_back(std::string(label.name), MakeString(std::string(label.value)));
  }
  return MakeMapping(std::move(members));
}

}  // namespace narthex::config
