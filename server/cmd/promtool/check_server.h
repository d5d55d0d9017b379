#pragma once
// promtool check healthy, ready and web-config.

#include <string>
#include <vector>

namespace narthex::promtool {

// Asks a running server; `page` is "healthy" or "ready". The exit code.
int CheckServer(const std::string& url, const std::string& http_config_file,
                const std::string& page);
int CheckWebConfig(const std::vector<std::string>& files);

}  // namespace narthex::promtool
