#pragma once
// What every family must be, and what it must say of given objects: the files of testdata/expected.
// They were written by hand from the list of families and the rules of the upstream release, never
// printed by the program.
//
//   resource pods kube_pod default namespace,pod,uid
//                                    plural, prefix, default or off, labels of every series
//   family container_info{container,image?} stable
//                                    own labels; x? may be missing, x_* are any with that start;
//                                    then: stable, counter, opt-in
//   object {…}                       JSON, over any number of lines
//   with namespace=a pod=b uid=c     the labels of every series of the object, in the output's
//   order
//   - restart_policy{type=Always} 1  a series; the family "." has the bare prefix for a name
//   - status_ready{condition=true|false|unknown} 1 0 0
//                                    as many series as one label has values
//
// Values are numbers, RFC 3339 times (then in seconds since the epoch), or "resourceVersion" for
// that of the object. Label values with a comma are quoted. Lines that begin with # are comments.
//
// Thread safety: plain values.

#include <map>
#include <set>
#include <string>
#include <vector>

#include "core/json/reader.h"

namespace narthex::ksm {

using Labels = std::map<std::string, std::string>;

struct ExpectedFamily {
  std::string name;
  bool counter = false, stable = false, opt_in = false;
  std::set<std::string> labels;    // those of every series of the resource included
  std::set<std::string> optional;  // with a * at the end: any that begin so

  bool Fits(const Labels& series) const;
};

struct ExpectedSeries {
  std::string family;
  Labels labels;
  double value = 0;
  bool resource_version = false;  // the value is that of the object
};

struct ExpectedObject {
  JsonValue json;
  std::vector<std::string> leading;  // names of the labels every series begins with
  std::vector<ExpectedSeries> series;
};

struct ExpectedResource {
  std::string name;
  bool by_default = false;
  std::vector<ExpectedFamily> families;
  std::vector<ExpectedObject> objects;
};

// Of all files; a test fails on what cannot be read.
std::vector<ExpectedResource> ReadExpectations(const std::string& folder);

}  // namespace narthex::ksm
