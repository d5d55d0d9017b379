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
  StatusOr<std::string> Expand(std::string_view text, const tmpl::Value& data) const;
  // Does the text parse?
  Status Check(std::string_view text) const;

 private:
  Templates(std::string external_url, const Clock& clock);
  tmpl::TemplateSet set_;
  std::string external_url_;
};

// The files a pattern stands for, in order.
std::vector<std::string> TemplateFiles(const std::string& pattern);

// What templates see, field by field.
struct TemplateInput {
  struct Alert {
    std::string status;
    Labels labels, annotations;
    Time starts_at, ends_at;
    std::string generator_url, fingerprint;
  };
  std::string receiver, status, reason, external_url;
  std::vector<Alert> alerts;
  Labels group_labels, common_labels, common_annotations, route_labels;
};
tmpl::Value TemplateData(const TemplateInput& input);
// Receiver, Status, Alerts, GroupLabels, CommonLabels, CommonAnnotations, ExternalURL …
tmpl::Value TemplateData(const Notification& notification, const std::string& external_url);

}  // namespace narthex::am
