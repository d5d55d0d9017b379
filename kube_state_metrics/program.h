#pragma once
// The program around the instance: commands, configuration files, signals.

#include <string>
#include <vector>

namespace narthex::ksm {

// The exit code. `line` is without the name of the program.
int RunProgram(const std::vector<std::string>& line);

}  // namespace narthex::ksm
