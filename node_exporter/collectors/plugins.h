#pragma once
// Makers of the plugins, one per file of this folder. all.cc lists them in a table.

#include <memory>

#include "node_exporter/collector.h"

namespace narthex::node {

std::unique_ptr<Plugin> MakeCpuPlugin();
std::unique_ptr<Plugin> MakeDiskstatsPlugin();
std::unique_ptr<Plugin> MakeFilefdPlugin();
std::unique_ptr<Plugin> MakeFilesystemPlugin();
std::unique_ptr<Plugin> MakeLoadavgPlugin();
std::unique_ptr<Plugin> MakeMeminfoPlugin();
std::unique_ptr<Plugin> MakeNetdevPlugin();
std::unique_ptr<Plugin> MakeOsPlugin();
std::unique_ptr<Plugin> MakeSockstatPlugin();
std::unique_ptr<Plugin> MakeStatPlugin();
std::unique_ptr<Plugin> MakeTextfilePlugin();
std::unique_ptr<Plugin> MakeTimePlugin();
std::unique_ptr<Plugin> MakeUnamePlugin();
std::unique_ptr<Plugin> MakeVmstatPlugin();

}  // namespace narthex::node
