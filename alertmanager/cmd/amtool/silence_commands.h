#pragma once
// What the commands of the group `silence` do; their flags are in silence_commands.cc.

#include <string>
#include <vector>

#include "alertmanager/cmd/amtool/settings.h"
#include "core/base/status.h"

namespace narthex::am {

struct SilenceQuery {
  bool *expired, *quiet;
  std::string *created_by, *id;
  int64_t* within_ms;
  std::vector<std::string>* matchers;
};
Status QuerySilences(const Settings& settings, const SilenceQuery& query);

struct NewSilence {
  std::string *author, *duration, *start, *end, *comment;
  bool* require_comment;
  std::vector<std::string>*annotations, *matchers;
};
Status AddSilence(const Settings& settings, const NewSilence& silence);

struct SilenceUpdate {
  bool* quiet;
  std::string *duration, *start, *end, *comment;
  std::vector<std::string>* ids;
};
Status UpdateSilences(const Settings& settings, const SilenceUpdate& update);

Status ExpireSilences(const Settings& settings, const std::vector<std::string>& ids);

struct SilenceImport {
  bool* force;
  int64_t* workers;
  std::string* file;  // "" for stdin
};
Status ImportSilences(const Settings& settings, const SilenceImport& import);

}  // namespace narthex::am
