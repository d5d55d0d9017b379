#pragma once
// Which labels of its series a selector must bring along. An aggregation by some labels looks at no
// others, and neither do the functions between it and a selector that change values alone. So the
// storage need not put the others together.

#include "server/promql/parser/ast.h"

namespace narthex::promql {

// The matcher that gives all series of the selector one and the same name; nullptr when none does.
const Matcher* OnlyName(const VectorSelector& selector);

// Sets VectorSelector::wanted_labels of a planned tree. Of a selector of one name they include the
// labels that a series loses together with its name: who has them may become equal to another.
void FindWantedLabels(Expr& expr);

}  // namespace narthex::promql
