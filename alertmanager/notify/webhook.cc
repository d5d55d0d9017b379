#include "alertmanager/notify/webhook.h"

#include <algorithm>

#include "alertmanager/notify/payload.h"
#include "core/base/file.h"
#include "core/config/url.h"
#include "core/flags/flags.h"
#include "core/strings/quote.h"

namespace narthex::am {
namespace {

constexpr size_t kMaxUrlBytes = 64 << 10;
constexpr size_t kMaxAnswerBytes = 1 << 20;
constexpr size_t kMaxErrorBytes = 1024;  // of an answer, in an error

class Webhook final : public Notifier {
 public:
  Webhook(WebhookConfig config, std::shared_ptr<http::Client> client, std::string external_url,
          std::shared_ptr<const Templates> templates)
      : config_(std::move(config)),
        client_(std::move(client)),
        external_url_(std::move(external_url)),
        templates_(std::move(templates)) {}

  void Notify(const Notification& notification, int64_t timeout_ns, Callback done) override {
    StatusOr<std::string> url = Url(notification);
    if (!url.ok()) return done({url.status(), false, "other"});
    http::ClientRequest request;
    request.method = "POST";
    request.url = *std::move(url);
    request.headers.Add("Content-Type", "application/json");
    request.body = WebhookPayload(notification, config_.max_alerts, external_url_);
    if (config_.timeout.ms > 0) timeout_ns = std::min(timeout_ns, config_.timeout.ms * 1'000'000);
    request.timeout = std::chrono::milliseconds(std::max<int64_t>(timeout_ns / 1'000'000, 1));
    request.max_body_bytes = kMaxAnswerBytes;
    client_->Do(std::move(request),
                [done = std::move(done)](StatusOr<http::ClientResponse> answer) {
                  done(JudgeAnswer(answer));
                });
  }

 private:
  // The file is read each time: rotating it needs no reload.
  StatusOr<std::string> Url(const Notification& notification) const {
    if (config_.url_file.empty()) return templates_->Expand(config_.url, notification);
    NX_ASSIGN_OR_RETURN(const std::string text, ReadFile(config_.url_file, kMaxUrlBytes));
    return std::string(TrimSpace(text));
  }

  const WebhookConfig config_;
  const std::shared_ptr<http::Client> client_;
  const std::string external_url_;
  const std::shared_ptr<const Templates> templates_;
};

std::string_view FailureOf(int status) {
  if (status == 401 || status == 403) return "authError";
  if (status == 429) return "rateLimited";
  return status >= 500 ? "serverError" : "clientError";
}

}  // namespace

Notifier::Result JudgeAnswer(const StatusOr<http::ClientResponse>& answer) {
  if (!answer.ok()) {
    const bool deadline = answer.status().code() == StatusCode::kDeadlineExceeded;
    return {answer.status(), true, deadline ? "contextDeadlineExceeded" : "other"};
  }
  if (answer->status / 100 == 2) return {OkStatus(), false, ""};
  return {Unavailable("unexpected status code {}: {}", answer->status,
                      std::string_view(answer->body).substr(0, kMaxErrorBytes)),
          answer->status / 100 == 5, FailureOf(answer->status)};
}

StatusOr<std::shared_ptr<Notifier>> MakeWebhook(const WebhookConfig& config,
                                                http::ClientRuntime& runtime,
                                                std::string external_url,
                                                std::shared_ptr<const Templates> templates) {
  NX_RETURN_IF_ERROR(templates->Check(config.url));
  http::Client::Options options;
  options.config = config.http.value_or(http::ClientConfig());
  options.user_agent = "Alertmanager/" + GetBuildInfo("alertmanager").version;
  NX_ASSIGN_OR_RETURN(auto client, http::Client::Create(runtime, std::move(options)));
  return std::shared_ptr<Notifier>(std::make_shared<Webhook>(
      config, std::move(client), std::move(external_url), std::move(templates)));
}

}  // namespace narthex::am
