#include "node_exporter/collectors/udev.h"

#include <fmt/format.h>

#include "node_exporter/parse.h"

namespace narthex::node {

UdevProperties UdevProperties::Read(const std::string& directory, std::string_view major,
                                    std::string_view minor) {
  UdevProperties properties;
  auto text = ReadKernelFile(fmt::format("{}/b{}:{}", directory, major, minor));
  if (!text.ok()) return properties;
  ForEachLine(*text, [&](std::string_view line) {
    const size_t equals = line.find('=');
    if (line.starts_with("E:") && equals != std::string_view::npos) {
      properties.values_[std::string(line.substr(2, equals - 2))] = line.substr(equals + 1);
    }
    return true;
  });
  return properties;
}

const std::string& UdevProperties::Get(std::string_view key) const {
  static const std::string kEmpty;
  const auto it = values_.find(key);
  return it == values_.end() ? kEmpty : it->second;
}

}  // namespace narthex::node
