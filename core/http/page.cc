#include "core/http/page.h"

#include <fmt/format.h>

#include "core/strings/html.h"

namespace narthex::http {

std::string PageHead(std::string_view title) {
  return fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<meta name=\"color-scheme\" content=\"light dark\">\n<title>{0}</title>\n<style>\n"
      "body {{ font: 15px/1.5 system-ui, sans-serif; margin: 1rem; }}\n"
      "h1, h2, h3 {{ font-weight: 600; line-height: 1.2; }}\n"
      "table {{ border-collapse: collapse; display: block; overflow-x: auto; }}\n"
      "th, td {{ border: 1px solid #8886; padding: .2rem .5rem; text-align: left;\n"
      "  vertical-align: top; }}\n"
      "th {{ background: #8882; }}\n"
      "th, time {{ white-space: nowrap; }}\n"
      "</style>\n</head>\n<body>\n<h1>{0}</h1>\n",
      EscapeHtml(title));
}

}  // namespace narthex::http
