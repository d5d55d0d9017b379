#pragma once
// The templates of a configuration: the built-in ones, then the files it names; and what they see
// of a notification.
//
// Thread safety: immutable once loaded.

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "alertmanager/notify/notification.h"
#include "core/base/clock.h"
#include "core/template/template.h"

namespace narthex::am {

class Templates {
 public:
  // Patterns are globs; one that matches nothing is no error. Later definitions win.
  static StatusOr<std::shared_ptr<const Templates>> Load(const std::vector<std::string>& patterns,
                                                         std::string external_url,
                                                         const Clock& clock);

  // Executes `text` with the notification as its data. A text without actions comes back as it is.
  StatusOr<std::string> Expand(std::string_view text, const Notification& notification) const;
  // Does the text parse?
  Status Check(std::string_view text) const;

 private:
  Templates(std::string external_url, const Clock& clock);
  tmpl::TemplateSet set_;
  std::string external_url_;
};

// The files a pattern stands for, in order.
std::vector<std::string> TemplateFiles(const std::string& pattern);

// Receiver, Status, Alerts, GroupLabels, CommonLabels, CommonAnnotations, ExternalURL …
tmpl::Value TemplateData(const Notification& notification, const std::string& external_url);

}  // namespace narthex::am
