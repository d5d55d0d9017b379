// The import of a Prometheus data directory without a server around it, for data_directory.py:
//
//   prometheus_log import DIR     writes blocks from the log of DIR and prints what it found
#include <cstdio>
#include <cstring>

#include "server/storage/tsdb/promwal/import.h"

namespace {

int Import(const char* dir) {
  const auto result = narthex::tsdb::promwal::ImportLog({.dir = dir});
  if (!result.ok()) {
    std::fprintf(stderr, "%s\n", result.status().ToString().c_str());
    return 1;
  }
  std::printf("records %lu series %lu samples %lu damaged %lu unknown %lu lost %lu blocks %zu\n",
              result->records, result->series, result->samples, result->damaged,
              result->unknown_records, result->lost_samples, result->blocks.size());
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 3 && std::strcmp(argv[1], "import") == 0) return Import(argv[2]);
  std::fprintf(stderr, "usage: prometheus_log import DIR\n");
  return 2;
}
