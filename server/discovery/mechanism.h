#pragma once
// How a mechanism is written: one folder, one struct of values, one line in the table.
//
//   namespace narthex::discovery::nomad {
//   struct Config {
//     static constexpr std::string_view kMechanism = "nomad";   // key: nomad_sd_configs
//     std::string server;  …                                    // defaults are those of the struct
//     friend bool operator==(const Config&, const Config&) = default;
//   };
//   void Describe(config::Fields& f, Config& config);           // strict YAML, see core/config
//   Status AfterDecode(Config& config);                         // optional: checks
//   void ResolvePaths(Config& config, std::string_view directory);  // optional: file names
//   StatusOr<std::unique_ptr<Provider>> MakeProvider(const Config&, const ProviderContext&);
//   // and in the struct, optional: static void RegisterMetrics(Registry&), for families that are
//   // there from the start of the process.
//   }
//
// and MechanismOf<nomad::Config>() in mechanisms.cc. Nothing else names a mechanism.

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/config/decode.h"
#include "server/discovery/config.h"
#include "server/discovery/provider.h"

namespace narthex::discovery {

template <typename Config>
class ConfigOf final : public MechanismConfig {
 public:
  ConfigOf() = default;
  explicit ConfigOf(Config config) : value(std::move(config)) {}

  std::string_view mechanism() const override { return Config::kMechanism; }
  bool Equals(const MechanismConfig& other) const override {
    const auto* same = dynamic_cast<const ConfigOf*>(&other);
    return same != nullptr && same->value == value;
  }
  config::NodePtr Print() const override { return config::MarshalNode(value); }
  MechanismConfigPtr Resolved(std::string_view directory) const override {
    auto resolved = std::make_shared<ConfigOf>(value);
    if constexpr (requires(Config& c) { ResolvePaths(c, directory); }) {
      ResolvePaths(resolved->value, directory);
    }
    return resolved;
  }
  StatusOr<std::unique_ptr<Provider>> NewProvider(const ProviderContext& context) const override {
    return MakeProvider(value, context);
  }

  Config value;
};

struct Mechanism {
  std::string_view name;
  // One item of the list; errors go to the context.
  void (*decode)(config::Context& context, const config::Node& item,
                 std::vector<MechanismConfigPtr>* out);
  std::string (*go_type)();  // of the list, as errors name it
  void (*register_metrics)(Registry& registry);
};

template <typename Config>
constexpr Mechanism MechanismOf() {
  return {
      Config::kMechanism,
      [](config::Context& context, const config::Node& item, std::vector<MechanismConfigPtr>* out) {
        auto config = std::make_shared<ConfigOf<Config>>();
        config::Codec<Config>::Decode(context, item, &config->value);
        out->push_back(std::move(config));
      },
      [] { return "[]*" + config::Codec<Config>::GoType(); },
      [](Registry& registry) {
        if constexpr (requires { Config::RegisterMetrics(registry); }) {
          Config::RegisterMetrics(registry);
        }
      }};
}

// Every mechanism of this server, by name.
std::span<const Mechanism> Mechanisms();

}  // namespace narthex::discovery
