#pragma once
// The pages of the server: redirects to the query page, the page itself with its placeholders
// filled, and its files with caching headers.

#include <functional>
#include <string>

#include "core/http/server.h"

namespace narthex::web {

struct WebOptions {
  std::string route_prefix;     // "" or "/prefix": where the routes are
  std::string external_prefix;  // "" or "/prefix": where browsers see them
  std::string page_title = "Narthex";
  std::string consoles_link;  // "" without consoles
  std::string lookback_delta = "5m";
  bool agent_mode = false;
  std::function<bool()> ready;  // empty: always
};

// Adds GET and HEAD of /, /graph, /query, /assets/*, /favicon.svg and /favicon.ico.
void RegisterWebRoutes(http::Router& router, WebOptions options);

}  // namespace narthex::web
