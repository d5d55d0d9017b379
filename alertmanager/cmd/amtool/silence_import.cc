// amtool silence import: posts every silence of a JSON list, several at a time.

#include <algorithm>
#include <atomic>
#include <cstdio>

#include "alertmanager/cmd/amtool/api_client.h"
#include "alertmanager/cmd/amtool/silence_commands.h"
#include "core/base/file.h"
#include "core/base/thread.h"
#include "core/json/writer.h"

namespace narthex::am {
namespace {

constexpr size_t kMaxBytes = size_t{1} << 30;
constexpr int64_t kMaxWorkers = 256;

// The silence as it is posted.
std::string BodyOf(const JsonValue& silence, bool with_id) {
  JsonValue::Members members = silence.members();
  std::erase_if(members, [&](const auto& member) {
    return member.first == "status" || member.first == "updatedAt" ||
           (member.first == "id" && !with_id);
  });
  std::string body;
  JsonWriter(&body).Value(JsonValue(std::move(members)));
  return body;
}

// Prints the new id, or why there is none.
bool ImportOne(ApiClient& api, const JsonValue& silence, bool force) {
  const std::string id = force ? "" : silence["id"].AsString();
  ApiClient::Arguments arguments;
  arguments.body = BodyOf(silence, !id.empty());
  StatusOr<JsonValue> answer = api.Call(kPostSilences, arguments);
  if (answer.status().code() == StatusCode::kNotFound && !id.empty()) {
    // Not known there: it becomes a new one.
    arguments.body = BodyOf(silence, false);
    answer = api.Call(kPostSilences, arguments);
  }
  if (answer.ok()) {
    Print((*answer)["silenceID"].AsString() + "\n");
  } else {
    std::fprintf(stderr, "Error adding silence id='%s': %s\n", id.c_str(),
                 std::string(MessageOf(answer.status())).c_str());
  }
  return answer.ok();
}

StatusOr<JsonValue> ReadSilences(const std::string& file) {
  if (!file.empty()) NX_RETURN_IF_ERROR(CheckExistingFile(file));
  auto read = [&]() -> StatusOr<JsonValue> {
    NX_ASSIGN_OR_RETURN(const std::string text,
                        ReadFile(file.empty() ? "/dev/stdin" : file, kMaxBytes));
    NX_ASSIGN_OR_RETURN(JsonValue document,
                        ParseJson(text, {.max_bytes = kMaxBytes, .max_values = 100'000'000}));
    if (!document.is_array()) return InvalidArgument("it is no list");
    for (const JsonValue& silence : document.items()) {
      if (!silence.is_object()) return InvalidArgument("the list holds what is no object");
    }
    return document;
  };
  StatusOr<JsonValue> silences = read();
  if (silences.ok()) return silences;
  return Annotate(silences.status(), "couldn't unmarshal input data, is it JSON?");
}

}  // namespace

Status ImportSilences(const Settings& settings, const SilenceImport& import) {
  NX_ASSIGN_OR_RETURN(const JsonValue silences, ReadSilences(*import.file));
  NX_ASSIGN_OR_RETURN(auto api, ApiClient::Create(settings));
  const size_t count = silences.items().size();
  std::atomic<size_t> next{0}, failed{0};
  {
    std::vector<NamedThread> workers;
    const auto wanted =
        std::min<size_t>(count, std::clamp<int64_t>(*import.workers, 1, kMaxWorkers));
    for (size_t i = 0; i < wanted; ++i) {
      workers.emplace_back("import", [&] {
        for (size_t at; (at = next++) < count;) {
          if (!ImportOne(*api, silences.items()[at], *import.force)) ++failed;
        }
      });
    }
  }
  if (failed == 0) return OkStatus();
  return InvalidArgument("couldn't import {} out of {} silences", failed.load(), count);
}

}  // namespace narthex::am
