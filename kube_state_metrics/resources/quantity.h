#pragma once
// Quantities of the Kubernetes API: "500m", "128Mi", "2", "1e3", "0.1Gi".
//
// Thread safety: values and pure functions.

#include <optional>
#include <string_view>

namespace narthex::ksm {

struct Quantity {
  double value = 0;  // in whole units, rounded away from zero
  double milli = 0;  // in thousandths, rounded away from zero

  // Thousandths as a fraction, the way resources are shown; the whole value where thousandths would
  // not fit 64 bits.
  double Fraction() const;
};

// nullopt when the text is no quantity.
std::optional<Quantity> ParseQuantity(std::string_view text);

}  // namespace narthex::ksm
