#include "server/storage/tsdb/foreign_data.h"

#include "core/base/file.h"

namespace narthex::tsdb {
namespace {

bool HasEntries(const std::string& dir) {
  const auto names = ListDirectory(dir);
  return names.ok() && !names->empty();
}

Status Refuse(const std::string& entry) {
  return FailedPrecondition(
      "{} was written by Prometheus; importing its data is not implemented here, and the directory "
      "is left as it is: choose an empty --storage.tsdb.path",
      entry);
}

}  // namespace

Status CheckForeignData(const std::string& dir) {
  NX_ASSIGN_OR_RETURN(const std::vector<std::string> names, ListDirectory(dir));
  for (const std::string& name : names) {
    const std::string entry = JoinPath(dir, name);
    if (name == "wal" && HasEntries(entry)) return Refuse(entry);
  }
  return OkStatus();
}

}  // namespace narthex::tsdb
