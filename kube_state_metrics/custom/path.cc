#include "kube_state_metrics/custom/path.h"

#include <algorithm>
#include <cmath>

#include "core/strings/numbers.h"
#include "core/strings/quote.h"
#include "kube_state_metrics/resources/object.h"

namespace narthex::ksm::custom {
namespace {

constexpr int kMaxDepth = 20;  // of values printed as labels

const Json& None() {
  static const Json none;
  return none;
}

// Does a candidate equal the text of a lookup: as text, as a number, or as a boolean?
bool Equals(const Json& candidate, const std::string& text) {
  if (candidate.is_string() && candidate.AsString() == text) return true;
  if (candidate.type() == Json::Type::kBool) return text == TrueOrFalse(candidate.AsBool());
  const auto number = ParseFloat(text);
  const auto value = NumberOf(candidate);
  return number && value && *number == *value;
}

std::optional<double> NumberOfText(const std::string& text) {
  const std::string lower = ToLowerAscii(text);
  if (lower == "true" || lower == "yes") return 1;
  if (lower == "false" || lower == "no" || lower == "unknown") return 0;
  Json as_json(text);
  if (const auto time = UnixTime(as_json)) return time;
  if (text.ends_with('%')) {
    const auto percent = ParseFloat(std::string_view(text).substr(0, text.size() - 1));
    if (percent) return *percent / 100;
  }
  // Plain numbers keep their precision; quantities are rounded to thousandths.
  if (const auto number = ParseFloat(text)) return number;
  if (const auto quantity = ParseQuantity(text)) return quantity->Fraction();
  return std::nullopt;
}

void Print(const Json& value, int depth, std::string* out) {
  if (depth > kMaxDepth) return;
  switch (value.type()) {
    case Json::Type::kArray:
      out->push_back('[');
      for (const Json& item : value.items()) {
        if (out->back() != '[') out->push_back(' ');
        Print(item, depth + 1, out);
      }
      out->push_back(']');
      return;
    case Json::Type::kObject: {
      std::vector<const std::pair<std::string, Json>*> members;
      for (const auto& member : value.members()) members.push_back(&member);
      std::ranges::sort(members, {}, [](const auto* member) { return member->first; });
      out->append("map[");
      for (const auto* member : members) {
        if (out->back() != '[') out->push_back(' ');
        out->append(member->first).push_back(':');
        Print(member->second, depth + 1, out);
      }
      out->push_back(']');
      return;
    }
    case Json::Type::kNumber: {
      const double number = value.AsDouble();
      const bool whole = number == std::floor(number) && std::abs(number) < 1e18;
      out->append(whole ? fmt::format("{}", value.AsInt()) : FormatFloat(number));
      return;
    }
    case Json::Type::kNull: out->append("<nil>"); return;
    default: out->append(Shown(value));
  }
}

}  // namespace

StatusOr<Path> Path::Compile(const std::vector<std::string>& parts) {
  Path path;
  for (const std::string& text : parts) {
    Part part{.is_lookup = text.size() >= 2 && text.front() == '[' && text.back() == ']',
              .text = text,
              .key = "",
              .value = ""};
    const std::string_view inside =
        part.is_lookup ? std::string_view(text).substr(1, text.size() - 2) : text;
    const size_t equals = inside.find('=');
    if (part.is_lookup && equals == std::string_view::npos) {
      return InvalidArgument("invalid list lookup: {}", text);
    }
    if (equals != std::string_view::npos) {
      part.key = inside.substr(0, equals);
      part.value = inside.substr(equals + 1);
    }
    path.parts_.push_back(std::move(part));
  }
  return path;
}

const Json& Path::Step(const Part& part, const Json& at) {
  if (part.is_lookup) {
    for (const Json& item : at.items()) {
      if (item.Has(part.key) && Equals(item[part.key], part.value)) return item;
    }
    return None();
  }
  if (at.is_object()) {
    if (part.key.empty()) return at[part.text];
    const Json& guard = at[part.key];
    return guard.is_string() && guard.AsString() == part.value ? at : None();
  }
  const auto index = ParseInt(part.text);
  const auto size = static_cast<int64_t>(at.items().size());
  if (!at.is_array() || !index || *index >= size || *index < -size) return None();
  return at.items()[static_cast<size_t>(*index < 0 ? *index + size : *index)];
}

const Json& Path::Get(const Json& object) const {
  const Json* at = &object;
  for (const Part& part : parts_) {
    if (at->is_null()) break;
    at = &Step(part, *at);
  }
  return *at;
}

const std::string* Path::SingleMember() const {
  return parts_.size() == 1 && !parts_[0].is_lookup ? &parts_[0].text : nullptr;
}

std::optional<double> NumberOf(const Json& value) {
  switch (value.type()) {
    case Json::Type::kNumber: return value.AsDouble();
    case Json::Type::kBool: return value.AsBool() ? 1 : 0;
    case Json::Type::kString: return NumberOfText(value.AsString());
    default: return std::nullopt;
  }
}

std::string PrintValue(const Json& value) {
  std::string out;
  Print(value, 0, &out);
  return out;
}

}  // namespace narthex::ksm::custom
