#pragma once
// What the programs that are little more than one HTTP server have in common: their --web flags,
// and serving until a signal says to stop.

#include <string>
#include <vector>

#include "core/base/signals.h"
#include "core/flags/flags.h"
#include "core/http/server.h"

namespace narthex::http {

// Flags of the exporters' web toolkit, and the path of the metrics.
struct ServeFlags {
  ServeFlags(FlagSet& flags, std::string default_address);
  // What is asked for and cannot be had.
  Status Check() const;

  std::vector<std::string>* listen;
  std::string* config_file;
  bool* systemd_socket;
  std::string* telemetry_path;
};

// Prints the message as flags report theirs, and gives the exit code 1.
int FailStart(std::string_view program, std::string_view message);

// Serves until a signal comes. Listen addresses and configuration are those of the flags. Returns
// the exit code of the program.
int ServeUntilSignal(std::string_view program, const ServeFlags& flags, const SignalSet& signals,
                     ServerOptions options, Handler handler);

}  // namespace narthex::http
