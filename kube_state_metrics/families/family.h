#pragma once
// What a metric family of kube-state-metrics is: its header, and a generator that turns one object
// of the Kubernetes API into the family's series.
//
// Thread safety: generators are called from several threads at once and keep no state.

#include <functional>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/json/reader.h"

namespace narthex::ksm {

// An object of the API, or a part of one.
using Json = JsonValue;

enum class FamilyType { kGauge, kCounter, kInfo, kStateSet };
enum class Stability { kAlpha, kStable };

// A label before it is rendered; views that live as long as the call they are passed to.
using Label = std::pair<std::string_view, std::string_view>;

// Takes the series of one family of one object. Labels that every series of the object carries are
// not passed; label names are valid, values are any text.
class SeriesSink {
 public:
  virtual ~SeriesSink() = default;
  virtual void Add(std::span<const Label> labels, double value) = 0;
  void Add(std::initializer_list<Label> labels, double value) {
    Add(std::span<const Label>(labels.begin(), labels.size()), value);
  }
  void Add(double value) { Add(std::span<const Label>(), value); }
};

using Generator = std::function<void(const Json& object, SeriesSink& out)>;

struct Family {
  std::string name;
  std::string help;
  FamilyType type = FamilyType::kGauge;
  Stability stability = Stability::kAlpha;
  bool opt_in = false;  // only with --metric-opt-in-list
  Generator generate;
};

// The labels that every series of an object carries, in the order of the output.
using OwnedLabels = std::vector<std::pair<std::string, std::string>>;
using ObjectLabels = std::function<OwnedLabels(const Json& object)>;

}  // namespace narthex::ksm
