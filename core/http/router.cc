#include <algorithm>
#include <map>

#include "core/http/ascii.h"
#include "core/http/clean_path.h"
#include "core/http/server.h"

namespace narthex::http {
namespace {

struct Route {
  std::string method;  // empty: any
  std::string pattern;
  Handler handler;
};

std::vector<std::string> Split(std::string_view path) {
  std::vector<std::string> segments;
  if (path.starts_with('/')) path.remove_prefix(1);
  for (;;) {
    const size_t slash = path.find('/');
    segments.emplace_back(path.substr(0, slash));
    if (slash == std::string_view::npos) return segments;
    path.remove_prefix(slash + 1);
  }
}

// Only an answer to GET has a text beside the header.
void RedirectTo(std::string_view path, int code, const Request& request, ResponseWriter& response) {
  const std::string location = CleanLocation(path, request.raw_query);
  if (request.method == "GET") return response.Redirect(code, location);
  if (request.method == "HEAD") response.headers().Set("Content-Type", "text/html; charset=utf-8");
  response.headers().Set("Location", location);
  response.SetStatus(code);
  response.Send("");
}

}  // namespace

void AllowOptions(const Request& request, ResponseWriter& response) {
  const std::string allow(response.headers().Get("Allow"));
  std::vector<std::string> methods = {"OPTIONS"};
  for (std::string_view rest = allow; !rest.empty();) methods.emplace_back(NextItem(&rest));
  std::sort(methods.begin(), methods.end());
  methods.erase(std::unique(methods.begin(), methods.end()), methods.end());
  response.headers().Set("Allow", fmt::format("{}", fmt::join(methods, ", ")));
  if (request.method != "OPTIONS") return response.Error(405, "Method Not Allowed");
  response.SetStatus(200);
  response.Send("");
}

// A trie of path segments: literal children first, then the parameter, then the catch-all.
struct Router::Impl {
  struct Node {
    std::map<std::string, std::unique_ptr<Node>, std::less<>> literals;
    std::unique_ptr<Node> parameter;
    std::unique_ptr<Node> rest;
    std::vector<Route> routes;
  };

  Node root;
  Handler not_found;
  Handler method_not_allowed;
  std::vector<Middleware> middleware;
  bool forgives_spelling = false;

  Node* Insert(std::string_view pattern) {
    Node* node = &root;
    for (const std::string& segment : Split(pattern)) {
      std::unique_ptr<Node>* next = nullptr;
      if (segment.starts_with(':')) {
        next = &node->parameter;
      } else if (segment.starts_with('*')) {
        next = &node->rest;
      } else {
        next = &node->literals[segment];
      }
      if (*next == nullptr) *next = std::make_unique<Node>();
      node = next->get();
    }
    return node;
  }

  static const Node* Find(const Node* node, std::string_view rest) {
    const size_t slash = rest.find('/');
    const std::string_view segment = rest.substr(0, slash);
    const bool last = slash == std::string_view::npos;
    const auto descend = [&](const Node* child) -> const Node* {
      if (child == nullptr) return nullptr;
      if (!last) return Find(child, rest.substr(slash + 1));
      return child->routes.empty() ? nullptr : child;
    };
    const auto literal = node->literals.find(segment);
    if (literal != node->literals.end()) {
      if (const Node* found = descend(literal->second.get())) return found;
    }
    if (!segment.empty()) {
      if (const Node* found = descend(node->parameter.get())) return found;
    }
    if (node->rest != nullptr && !node->rest->routes.empty()) return node->rest.get();
    return nullptr;
  }

  static const Route* FindMethod(const Node& node, std::string_view method) {
    const Route* any = nullptr;
    for (const Route& route : node.routes) {
      if (route.method == method) return &route;
      if (route.method.empty()) any = &route;
    }
    return any;
  }

  // Appends to `path` the spelling of `rest` that leads from `node` to a route of the method,
  // whatever the case of its literals.
  static bool Spell(const Node* node, std::string_view rest, std::string_view method,
                    std::string* path) {
    const size_t slash = rest.find('/');
    const std::string_view segment = rest.substr(0, slash);
    const bool last = slash == std::string_view::npos;
    const auto descend = [&](const Node& child, std::string_view text) {
      const size_t length = path->size();
      path->append("/").append(text);
      const bool found = last ? FindMethod(child, method) != nullptr
                              : Spell(&child, rest.substr(slash + 1), method, path);
      if (!found) path->resize(length);
      return found;
    };
    for (const auto& [literal, child] : node->literals) {
      if (EqualsIgnoreCase(literal, segment) && descend(*child, literal)) return true;
    }
    if (node->parameter != nullptr && !segment.empty() && descend(*node->parameter, segment)) {
      return true;
    }
    if (node->rest == nullptr || FindMethod(*node->rest, method) == nullptr) return false;
    path->append("/").append(rest);
    return true;
  }

  // The path of a route that the request's path nearly is, or "".
  std::string NearMiss(const Request& request) const {
    const std::string& path = request.path;
    if (!path.starts_with('/') || path == "/" || request.method == "CONNECT") return "";
    const std::string other = path.ends_with('/') ? path.substr(0, path.size() - 1) : path + "/";
    const Node* found = Find(&root, std::string_view(other).substr(1));
    if (found != nullptr && FindMethod(*found, request.method) != nullptr) return other;
    for (const std::string_view candidate : {std::string_view(path), std::string_view(other)}) {
      std::string spelling;
      if (Spell(&root, candidate.substr(1), request.method, &spelling) && spelling != path) {
        return spelling;
      }
    }
    return "";
  }

  static void BindParams(const std::string& pattern, const Request& request) {
    std::string_view names = std::string_view(pattern).substr(1);
    std::string_view path = std::string_view(request.path).substr(1);
    for (;;) {
      const size_t name_end = names.find('/');
      const size_t path_end = path.find('/');
      const std::string_view name = names.substr(0, name_end);
      if (name.starts_with('*')) {
        request.path_params.emplace_back(name.substr(1), path);
        return;
      }
      if (name.starts_with(':')) {
        request.path_params.emplace_back(name.substr(1), path.substr(0, path_end));
      }
      if (name_end == std::string_view::npos || path_end == std::string_view::npos) return;
      names.remove_prefix(name_end + 1);
      path.remove_prefix(path_end + 1);
    }
  }

  void Call(const Route& route, const Request& request, ResponseWriter& response,
            size_t layer = 0) const {
    if (layer == middleware.size()) return route.handler(request, response);
    middleware[layer](route.pattern, request, response,
                      [&](const Request& inner, ResponseWriter& writer) {
                        Call(route, inner, writer, layer + 1);
                      });
  }
};

Router::Router() : impl_(std::make_unique<Impl>()) {
  impl_->not_found = [](const Request&, ResponseWriter& response) {
    response.Error(404, "404 page not found");
  };
  impl_->method_not_allowed = [](const Request&, ResponseWriter& response) {
    response.Error(405, "Method Not Allowed");
  };
}
Router::~Router() = default;

void Router::Handle(std::string_view method, std::string pattern, Handler handler) {
  Impl::Node* node = impl_->Insert(pattern);
  node->routes.push_back({std::string(method), std::move(pattern), std::move(handler)});
}

void Router::Handle(std::span<const std::string_view> methods, const std::string& pattern,
                    const Handler& handler) {
  for (const std::string_view method : methods) Handle(method, pattern, handler);
}

void Router::HandleAny(std::string pattern, Handler handler) {
  Handle("", std::move(pattern), std::move(handler));
}

void Router::SetNotFound(Handler handler) { impl_->not_found = std::move(handler); }
void Router::SetMethodNotAllowed(Handler handler) {
  impl_->method_not_allowed = std::move(handler);
}
void Router::ForgiveSpelling() {
  impl_->forgives_spelling = true;
  impl_->method_not_allowed = AllowOptions;
}
void Router::Use(Middleware middleware) { impl_->middleware.push_back(std::move(middleware)); }

Handler Router::AsHandler() const {
  return [this](const Request& request, ResponseWriter& response) { Serve(request, response); };
}

void Router::Serve(const Request& request, ResponseWriter& response) const {
  const bool named = request.path.starts_with('/');
  if ((named && !IsCleanPath(request.path)) ||
      (request.path.empty() && request.method != "CONNECT")) {
    return RedirectTo(request.path, 301, request, response);
  }
  const Impl::Node* node = nullptr;
  if (request.path.starts_with('/')) {
    node = Impl::Find(&impl_->root, std::string_view(request.path).substr(1));
  }
  const Route* route = node == nullptr ? nullptr : Impl::FindMethod(*node, request.method);
  if (route != nullptr) {
    Impl::BindParams(route->pattern, request);
    return impl_->Call(*route, request, response);
  }
  if (impl_->forgives_spelling) {
    if (const std::string spelling = impl_->NearMiss(request); !spelling.empty()) {
      return RedirectTo(spelling, request.method == "GET" ? 301 : 307, request, response);
    }
  }
  if (node == nullptr) return impl_->not_found(request, response);
  std::vector<std::string> methods;
  for (const Route& candidate : node->routes) methods.push_back(candidate.method);
  std::sort(methods.begin(), methods.end());
  methods.erase(std::unique(methods.begin(), methods.end()), methods.end());
  response.headers().Set("Allow", fmt::format("{}", fmt::join(methods, ", ")));
  impl_->method_not_allowed(request, response);
}

}  // namespace narthex::http
