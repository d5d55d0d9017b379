#include "core/kube/testing/selectors.h"

#include <algorithm>
#include <string>
#include <vector>

namespace narthex::kube {
namespace {

std::string_view Trim(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

// Split at commas outside of parentheses.
std::vector<std::string_view> Terms(std::string_view text) {
  std::vector<std::string_view> out;
  size_t start = 0;
  int depth = 0;
  for (size_t i = 0; i <= text.size(); ++i) {
    const char c = i < text.size() ? text[i] : ',';
    if (c == '(') ++depth;
    if (c == ')') --depth;
    if (i < text.size() && (c != ',' || depth > 0)) continue;
    const std::string_view term = Trim(text.substr(start, i - start));
    if (!term.empty()) out.push_back(term);
    start = i + 1;
  }
  return out;
}

bool Listed(std::string_view values, std::string_view value) {
  const auto terms = Terms(values);
  return std::find(terms.begin(), terms.end(), value) != terms.end();
}

struct Comparison {
  std::string_view name, value;
  bool equal;
};

Comparison Split(std::string_view term) {
  const size_t at = term.find('=');
  if (at == std::string_view::npos) return {term, {}, true};
  const bool negated = at > 0 && term[at - 1] == '!';
  std::string_view value = term.substr(at + 1);
  if (value.starts_with('=')) value.remove_prefix(1);
  return {Trim(term.substr(0, negated ? at - 1 : at)), Trim(value), !negated};
}

bool MatchesTerm(const JsonValue& labels, std::string_view term) {
  if (term.starts_with('!') && term.find('=') == std::string_view::npos) {
    return !labels.Has(Trim(term.substr(1)));
  }
  if (const size_t open = term.find('('); open != std::string_view::npos) {
    const std::string_view values = term.substr(open + 1, term.rfind(')') - open - 1);
    const std::string_view head = Trim(term.substr(0, open));
    const std::string_view name = head.substr(0, head.find(' '));
    if (head.ends_with(" notin")) {
      return !labels.Has(name) || !Listed(values, labels[name].AsString());
    }
    return labels.Has(name) && Listed(values, labels[name].AsString());
  }
  if (term.find('=') == std::string_view::npos) return labels.Has(term);
  const Comparison c = Split(term);
  if (!c.equal) return labels[c.name].AsString() != c.value;
  return labels.Has(c.name) && labels[c.name].AsString() == c.value;
}

}  // namespace

bool MatchesLabels(const JsonValue& object, std::string_view selector) {
  const JsonValue& labels = object["metadata"]["labels"];
  const auto terms = Terms(selector);
  return std::all_of(terms.begin(), terms.end(),
                     [&](std::string_view term) { return MatchesTerm(labels, term); });
}

bool MatchesFields(const JsonValue& object, std::string_view selector) {
  for (const std::string_view term : Terms(selector)) {
    const Comparison c = Split(term);
    const JsonValue* at = &object;
    std::string_view path = c.name;
    while (!path.empty()) {
      const size_t dot = path.find('.');
      at = &(*at)[path.substr(0, dot)];
      path = dot == std::string_view::npos ? std::string_view() : path.substr(dot + 1);
    }
    if ((at->AsString() == c.value) != c.equal) return false;
  }
  return true;
}

}  // namespace narthex::kube
