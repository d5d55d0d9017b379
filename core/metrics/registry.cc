#include "core/metrics/registry.h"

#include <deque>

#include "core/base/check.h"
#include "core/base/string_map.h"
#include "core/metrics/consistency.h"

namespace narthex {
namespace {

// Something registered by name that fills one family.
class Instrument {
 public:
  Instrument(MetricType type, std::string name, std::string help, std::vector<std::string> labels)
      : type_(type), name_(std::move(name)), help_(std::move(help)), labels_(std::move(labels)) {}
  virtual ~Instrument() = default;
  virtual void Fill(std::vector<MetricSample>* samples) const = 0;

  bool Matches(const Instrument& other) const {
    return type_ == other.type_ && help_ == other.help_ && labels_ == other.labels_;
  }
  const std::string& name() const { return name_; }
  void Collect(std::vector<MetricFamily>* out) const {
    MetricFamily family{.name = name_, .help = help_, .type = type_};
    Fill(&family.samples);
    if (!family.samples.empty()) out->push_back(std::move(family));
  }

 private:
  const MetricType type_;
  const std::string name_, help_;
  const std::vector<std::string> labels_;
};

void Read(const Counter& metric, MetricSample* sample) { sample->value = metric.value(); }
void Read(const Gauge& metric, MetricSample* sample) { sample->value = metric.value(); }
void Read(const Histogram& metric, MetricSample* sample) { metric.Collect(sample); }
void Read(const Summary& metric, MetricSample* sample) { metric.Collect(sample); }

// A metric without labels is a vector of one child, created at once.
template <typename Metric>
class VecInstrument final : public Instrument {
 public:
  VecInstrument(MetricType type, std::string name, std::string help,
                std::vector<std::string> labels, typename MetricVec<Metric>::Options options)
      : Instrument(type, std::move(name), std::move(help), labels),
        vec_(std::move(labels), std::move(options)) {
    if (vec_.label_names().empty()) vec_.With({});
  }
  void Fill(std::vector<MetricSample>* samples) const override {
    vec_.ForEach([&](const std::vector<std::string>& values, const Metric& metric) {
      MetricSample& sample = samples->emplace_back();
      sample.labels = vec_.LabelsOf(values);
      Read(metric, &sample);
    });
  }
  MetricVec<Metric>& vec() { return vec_; }

 private:
  MetricVec<Metric> vec_;
};

class FunctionInstrument final : public Instrument {
 public:
  FunctionInstrument(MetricType type, std::string name, std::string help,
                     std::vector<std::string> label_names)
      : Instrument(type, std::move(name), std::move(help), std::move(label_names)) {}
  void Fill(std::vector<MetricSample>* samples) const override {
    for (const auto& [labels, value] : functions_) {
      MetricSample& sample = samples->emplace_back();
      sample.labels = labels;
      sample.value = value();
    }
  }
  void Add(std::vector<MetricLabel> labels, std::function<double()> value) {
    functions_.emplace_back(std::move(labels), std::move(value));
  }

 private:
  std::vector<std::pair<std::vector<MetricLabel>, std::function<double()>>> functions_;
};

}  // namespace

struct Registry::Impl {
  // Finds the instrument of that name or adds this one. A name in use for something else aborts.
  template <typename T>
  T& FindOrAdd(std::unique_ptr<T> instrument) REQUIRES(mutex) {
    NX_CHECK(!instrument->name().empty());
    auto [it, added] = by_name.try_emplace(instrument->name(), instrument.get());
    if (added) {
      T& result = *instrument;
      instruments.push_back(std::move(instrument));
      return result;
    }
    T* have = dynamic_cast<T*>(it->second);
    if (have == nullptr || !have->Matches(*instrument)) {
      std::fprintf(stderr, "metric %s registered twice with different definitions\n",
                   instrument->name().c_str());
    }
    NX_CHECK(have != nullptr && have->Matches(*instrument));
    return *have;
  }

  template <typename Metric>
  MetricVec<Metric>& AddVec(MetricType type, std::string name, std::string help,
                            std::vector<std::string> labels,
                            typename MetricVec<Metric>::Options options = {}) {
    auto instrument = std::make_unique<VecInstrument<Metric>>(
        type, std::move(name), std::move(help), std::move(labels), std::move(options));
    MutexLock lock(mutex);
    return FindOrAdd(std::move(instrument)).vec();
  }

  // Held while instruments are read, so that functions are not added meanwhile; never while
  // collectors run, which may block.
  mutable Mutex mutex;
  std::vector<std::unique_ptr<Instrument>> instruments GUARDED_BY(mutex);
  StringMap<Instrument*> by_name GUARDED_BY(mutex);
  std::vector<std::shared_ptr<Collector>> collectors GUARDED_BY(mutex);
};

Registry::Registry() : impl_(std::make_unique<Impl>()) {}
Registry::~Registry() = default;

Counter& Registry::AddCounter(std::string name, std::string help) {
  return AddCounterVec(std::move(name), std::move(help), {}).With({});
}
Gauge& Registry::AddGauge(std::string name, std::string help) {
  return AddGaugeVec(std::move(name), std::move(help), {}).With({});
}
Histogram& Registry::AddHistogram(std::string name, std::string help, HistogramOptions options) {
  return AddHistogramVec(std::move(name), std::move(help), {}, std::move(options)).With({});
}
Summary& Registry::AddSummary(std::string name, std::string help, SummaryOptions options) {
  return AddSummaryVec(std::move(name), std::move(help), {}, std::move(options)).With({});
}

CounterVec& Registry::AddCounterVec(std::string name, std::string help,
                                    std::vector<std::string> labels) {
  return impl_->AddVec<Counter>(MetricType::kCounter, std::move(name), std::move(help),
                                std::move(labels));
}
GaugeVec& Registry::AddGaugeVec(std::string name, std::string help,
                                std::vector<std::string> labels) {
  return impl_->AddVec<Gauge>(MetricType::kGauge, std::move(name), std::move(help),
                              std::move(labels));
}
HistogramVec& Registry::AddHistogramVec(std::string name, std::string help,
                                        std::vector<std::string> labels, HistogramOptions options) {
  return impl_->AddVec<Histogram>(MetricType::kHistogram, std::move(name), std::move(help),
                                  std::move(labels), std::move(options));
}
SummaryVec& Registry::AddSummaryVec(std::string name, std::string help,
                                    std::vector<std::string> labels, SummaryOptions options) {
  return impl_->AddVec<Summary>(MetricType::kSummary, std::move(name), std::move(help),
                                std::move(labels), std::move(options));
}

void Registry::AddFunction(MetricType type, std::string name, std::string help,
                           std::function<double()> value) {
  AddFunction(type, std::move(name), std::move(help), {}, std::move(value));
}

void Registry::AddFunction(MetricType type, std::string name, std::string help,
                           std::vector<MetricLabel> labels, std::function<double()> value) {
  std::sort(labels.begin(), labels.end());
  std::vector<std::string> names;
  names.reserve(labels.size());
  for (const MetricLabel& label : labels) names.push_back(label.name);
  auto instrument = std::make_unique<FunctionInstrument>(type, std::move(name), std::move(help),
                                                         std::move(names));
  MutexLock lock(impl_->mutex);
  impl_->FindOrAdd(std::move(instrument)).Add(std::move(labels), std::move(value));
}

void Registry::AddCollector(std::shared_ptr<Collector> collector) {
  MutexLock lock(impl_->mutex);
  impl_->collectors.push_back(std::move(collector));
}

void Registry::RemoveCollector(const Collector* collector) {
  MutexLock lock(impl_->mutex);
  std::erase_if(impl_->collectors, [&](const auto& c) { return c.get() == collector; });
}

Registry::Gathered Registry::Gather() const {
  std::vector<MetricFamily> families;
  std::vector<std::shared_ptr<Collector>> collectors;
  {
    MutexLock lock(impl_->mutex);
    for (const auto& instrument : impl_->instruments) instrument->Collect(&families);
    collectors = impl_->collectors;
  }
  for (const auto& collector : collectors) collector->Collect(&families);
  return MergeFamilies(std::move(families));
}

}  // namespace narthex
