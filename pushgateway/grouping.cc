#include "pushgateway/grouping.h"

#include "core/base/bytes.h"
#include "core/labels/names.h"
#include "core/strings/quote.h"

namespace narthex::pushgateway {
namespace {

constexpr std::string_view kBase64Suffix = "@base64";
constexpr size_t kMaxLabels = 256;

int Base64Value(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  if (c == '-') return 62;
  if (c == '_') return 63;
  return -1;
}

// base64url without padding; padding at the end is taken off first.
StatusOr<std::string> DecodeBase64(std::string_view text) {
  while (text.ends_with('=')) text.remove_suffix(1);
  std::string out;
  uint32_t bits = 0;
  int held = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const int value = Base64Value(text[i]);
    if (value < 0) return InvalidArgument("illegal base64 data at input byte {}", i);
    bits = bits << 6 | static_cast<uint32_t>(value);
    held += 6;
    if (held >= 8) {
      held -= 8;
      out += static_cast<char>(bits >> held & 0xff);
    }
  }
  // A single character left over cannot be a byte.
  if (text.size() % 4 == 1) {
    return InvalidArgument("illegal base64 data at input byte {}", text.size() - 1);
  }
  return out;
}

}  // namespace

StatusOr<Grouping> ParseGrouping(std::string_view job, bool job_is_base64, std::string_view labels,
                                 const GroupingOptions& options) {
  std::string job_name(job);
  if (job_is_base64) {
    auto decoded = DecodeBase64(job);
    if (!decoded.ok()) {
      return InvalidArgument("invalid base64 encoding in job name \"\": {}",
                             MessageOf(decoded.status()));
    }
    job_name = *std::move(decoded);
  }
  Grouping grouping;
  if (labels.size() > 1) {
    const auto parts = SplitString(labels.substr(1), '/');
    if (parts.size() % 2 != 0) {
      return InvalidArgument("odd number of components in label string {}", GoQuote(labels));
    }
    if (parts.size() / 2 > kMaxLabels)
      return InvalidArgument("more than {} grouping labels", kMaxLabels);
    for (size_t i = 0; i < parts.size(); i += 2) {
      std::string_view name = parts[i];
      const bool base64 = name.ends_with(kBase64Suffix);
      if (base64) name.remove_suffix(kBase64Suffix.size());
      std::string decoded_name(name);
      if (options.utf8_names) decoded_name = UnescapeName(name, NameEscaping::kValues);
      const auto validation = options.utf8_names ? NameValidation::kUtf8 : NameValidation::kLegacy;
      if (!IsValidLabelName(decoded_name, validation) || decoded_name.starts_with("__")) {
        return InvalidArgument("improper label name {}", GoQuote(decoded_name));
      }
      std::string value(parts[i + 1]);
      if (base64) {
        auto decoded = DecodeBase64(parts[i + 1]);
        if (!decoded.ok()) {
          return InvalidArgument("invalid base64 encoding for label {}={}: {}", decoded_name,
                                 GoQuote(parts[i + 1]), MessageOf(decoded.status()));
        }
        value = *std::move(decoded);
      }
      grouping.insert_or_assign(std::move(decoded_name), std::move(value));
    }
  }
  if (job_name.empty()) return InvalidArgument("job name is required");
  grouping.insert_or_assign("job", std::move(job_name));
  return grouping;
}

std::string GroupKey(const Grouping& grouping) {
  std::string key;
  ByteWriter writer(&key);
  for (const auto& [name, value] : grouping) {
    writer.UvarintString(name);
    writer.UvarintString(value);
  }
  return key;
}

StatusOr<Grouping> ParseGroupKey(std::string_view key) {
  Grouping grouping;
  ByteReader reader(key);
  while (reader.ok() && !reader.empty()) {
    const std::string_view name = reader.UvarintString();
    const std::string_view value = reader.UvarintString();
    if (reader.ok()) grouping.emplace(name, value);
  }
  if (!reader.ok() || !grouping.contains("job")) return DataLoss("damaged group key");
  return grouping;
}

}  // namespace narthex::pushgateway
