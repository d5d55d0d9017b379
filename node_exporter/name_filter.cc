#include "node_exporter/name_filter.h"

namespace narthex::node {

StatusOr<NameFilter> NameFilter::Create(std::string_view include, std::string_view exclude) {
  NameFilter filter;
  if (!include.empty()) {
    NX_ASSIGN_OR_RETURN(filter.include_, Regex::Compile(std::string(include)));
  }
  if (!exclude.empty()) {
    NX_ASSIGN_OR_RETURN(filter.exclude_, Regex::Compile(std::string(exclude)));
  }
  return filter;
}

}  // namespace narthex::node
