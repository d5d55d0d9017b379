#include "server/web/web.h"

#include <memory>

#include "core/base/check.h"
#include "core/compress/gzip.h"
#include "core/http/encoding.h"
#include "core/http/route_prefix.h"
#include "core/strings/html.h"
#include "web/assets.h"

namespace narthex::web {
namespace {

using http::Request;
using http::ResponseWriter;

std::string Inflate(const Asset& asset) {
  std::string content;
  NX_CHECK(GzipDecompress(asset.gzip, asset.size, &content).ok());
  return content;
}

void ReplaceAll(std::string* text, std::string_view from, const std::string& to) {
  for (size_t at = text->find(from); at != std::string::npos; at = text->find(from, at)) {
    text->replace(at, from.size(), to);
    at += to.size();
  }
}

bool WantsGzip(const Request& request) {
  return http::NegotiateEncoding(request.headers.Get("Accept-Encoding")) == http::Encoding::kGzip;
}

// Names under assets/ carry a hash of their content and never change; the licences do not.
void ServeAsset(const Request& request, ResponseWriter& response, const Asset& asset) {
  const bool hashed = asset.path.starts_with("assets/") && !asset.path.ends_with(".txt");
  http::Headers& headers = response.headers();
  headers.Set("Cache-Control", hashed ? "public, max-age=31536000, immutable" : "no-cache");
  headers.Set("ETag", std::string(asset.etag));
  headers.Set("Vary", "Accept-Encoding");
  headers.Set("X-Content-Type-Options", "nosniff");
  if (request.headers.Get("If-None-Match").find(asset.etag) != std::string_view::npos) {
    response.SetStatus(304);
    return response.Send(std::string());
  }
  if (!WantsGzip(request)) return response.Send(200, asset.content_type, Inflate(asset));
  headers.Set("Content-Encoding", "gzip");
  response.Send(200, asset.content_type, std::string(asset.gzip));
}

class Pages {
 public:
  explicit Pages(WebOptions options) : options_(std::move(options)) {
    const Asset* asset = FindAsset("index.html");
    NX_CHECK(asset != nullptr);
    index_ = Inflate(*asset);
    ReplaceAll(&index_, "TITLE_PLACEHOLDER", EscapeHtml(options_.page_title));
    ReplaceAll(&index_, "CONSOLES_LINK_PLACEHOLDER", EscapeHtml(options_.consoles_link));
    ReplaceAll(&index_, "AGENT_MODE_PLACEHOLDER", options_.agent_mode ? "true" : "false");
    ReplaceAll(&index_, "LOOKBACKDELTA_PLACEHOLDER", EscapeHtml(options_.lookback_delta));
  }

  void ServeIndex(ResponseWriter& response) const {
    std::string page = index_;
    const bool ready = !options_.ready || options_.ready();
    ReplaceAll(&page, "READY_PLACEHOLDER", ready ? "true" : "false");
    response.headers().Set("Cache-Control", "no-cache");
    response.Send(200, "text/html; charset=utf-8", std::move(page));
  }

  // To a page, with the query string kept.
  void RedirectTo(std::string_view page, const Request& request, ResponseWriter& response) const {
    std::string location = options_.external_prefix + std::string(page);
    if (!request.raw_query.empty()) location += "?" + request.raw_query;
    response.Redirect(302, location);
  }

 private:
  const WebOptions options_;
  std::string index_;
};

}  // namespace

void RegisterWebRoutes(http::Router& router, WebOptions options) {
  const std::string prefix = options.route_prefix;
  const auto pages = std::make_shared<const Pages>(std::move(options));
  const auto add = [&](const std::string& path, const http::Handler& handler) {
    static constexpr std::string_view kMethods[] = {"GET", "HEAD"};
    router.Handle(kMethods, prefix + path, handler);
  };
  for (const char* path : {"/", "/graph"}) {
    add(path, [pages](const Request& request, ResponseWriter& response) {
      pages->RedirectTo("/query", request, response);
    });
  }
  add("/query", [pages](const Request&, ResponseWriter& response) { pages->ServeIndex(response); });
  add("/assets/*filepath", [](const Request& request, ResponseWriter& response) {
    const Asset* asset = FindAsset("assets/" + std::string(request.PathParam("filepath")));
    if (asset == nullptr) return response.Error(404, "404 page not found");
    ServeAsset(request, response, *asset);
  });
  http::RedirectToPrefix(router, prefix, true);
  for (const char* path : {"/favicon.svg", "/favicon.ico"}) {
    add(path, [](const Request& request, ResponseWriter& response) {
      ServeAsset(request, response, *FindAsset("favicon.svg"));
    });
  }
}

}  // namespace narthex::web
