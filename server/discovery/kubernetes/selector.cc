// The syntax of selectors:
// https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/

#include <cctype>

#include "server/discovery/kubernetes/config.h"

namespace narthex::discovery::kubernetes {
namespace {

class LabelSelectorParser {
 public:
  explicit LabelSelectorParser(std::string_view text) : text_(text) {}

  bool Parse() {
    Blanks();
    if (AtEnd()) return true;
    do {
      if (!Requirement()) return false;
    } while (Eat(","));
    return AtEnd();
  }

 private:
  bool AtEnd() const { return at_ == text_.size(); }
  void Blanks() {
    while (!AtEnd() && (text_[at_] == ' ' || text_[at_] == '\t')) ++at_;
  }
  bool Eat(std::string_view token) {
    Blanks();
    if (text_.substr(at_, token.size()) != token) return false;
    at_ += token.size();
    Blanks();
    return true;
  }
  std::string_view Word() {
    Blanks();
    const size_t start = at_;
    while (!AtEnd() &&
           (std::isalnum(static_cast<unsigned char>(text_[at_])) != 0 || text_[at_] == '-' ||
            text_[at_] == '_' || text_[at_] == '.' || text_[at_] == '/')) {
      ++at_;
    }
    const std::string_view word = text_.substr(start, at_ - start);
    Blanks();
    return word;
  }
  bool Values() {
    if (!Eat("(")) return false;
    do {
      Word();  // may be empty
    } while (Eat(","));
    return Eat(")");
  }
  bool Requirement() {
    const bool negated = Eat("!");
    if (Word().empty()) return false;
    if (negated || AtEnd() || text_[at_] == ',') return true;
    if (Eat("==") || Eat("!=") || Eat("=")) {
      Word();
      return true;
    }
    if (Eat(">") || Eat("<")) return !Word().empty();
    const std::string_view operation = Word();
    return (operation == "in" || operation == "notin") && Values();
  }

  const std::string_view text_;
  size_t at_ = 0;
};

}  // namespace

Status CheckLabelSelector(std::string_view selector) {
  if (LabelSelectorParser(selector).Parse()) return OkStatus();
  return InvalidArgument("unable to parse requirement: invalid label selector '{}'", selector);
}

Status CheckFieldSelector(std::string_view selector) {
  std::string_view rest = selector;
  while (!rest.empty()) {
    const size_t comma = rest.find(',');
    const std::string_view term = rest.substr(0, comma);
    if (!term.empty() && term.find('=') == std::string_view::npos) {
      return InvalidArgument("invalid selector: '{}'; can't understand '{}'", selector, term);
    }
    rest = comma == std::string_view::npos ? std::string_view() : rest.substr(comma + 1);
  }
  return OkStatus();
}

}  // namespace narthex::discovery::kubernetes
