#pragma once
// The framing of answers: status line, headers, lengths, chunks, compression.

#include <memory>
#include <string>

#include "core/http/encoding.h"
#include "core/http/server.h"
#include "core/http/web_config.h"

namespace narthex::http {

class Connection;

// What the request says about the shape of its answer.
struct AnswerTraits {
  Encoding encoding = Encoding::kIdentity;
  bool keep_alive = true;
  bool head = false;
  bool http10 = false;
  std::shared_ptr<const WebConfig> web_config;  // may be null
};
AnswerTraits MakeAnswerTraits(const Request& request, int version, bool keep_alive);

// Calls the handler with a writer on the connection and completes the answer; on a worker.
void RunHandler(const std::shared_ptr<Connection>& connection, const Handler& handler,
                const Request& request, const AnswerTraits& traits);

struct SimpleTraits {
  bool keep_alive = false;
  bool http10 = false;
  const WebConfig* web_config = nullptr;
  std::string_view extra_header = {};  // a whole line, or empty
};
// A complete plain-text answer that needs no handler.
std::string SimpleAnswer(int status, std::string_view text, const SimpleTraits& traits);

// What Go says to a request it cannot read; the connection ends with it.
std::string FaultAnswer(int status, std::string_view detail);

}  // namespace narthex::http
