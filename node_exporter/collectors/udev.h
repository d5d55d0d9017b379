#pragma once
// Properties of a block device from udev's database: the E:KEY=VALUE rows of b<major>:<minor>.

#include <map>
#include <string>
#include <string_view>

namespace narthex::node {

class UdevProperties {
 public:
  // Empty when the file cannot be read.
  static UdevProperties Read(const std::string& directory, std::string_view major,
                             std::string_view minor);
  // The value, or "".
  const std::string& Get(std::string_view key) const;

 private:
  std::map<std::string, std::string, std::less<>> values_;
};

}  // namespace narthex::node
