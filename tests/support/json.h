#pragma once
// JSON for tests, by a parser that is not behind our own code: paths like "data.result.0.value.1".

#include <rapidjson/document.h>

#include <string>
#include <string_view>

namespace narthex::testing {

class Json {
 public:
  explicit Json(const std::string& text) { document_.Parse(text.c_str(), text.size()); }

  const rapidjson::Value* Find(std::string_view path) const {
    if (document_.HasParseError()) return nullptr;
    const rapidjson::Value* value = &document_;
    while (!path.empty()) {
      const size_t dot = path.find('.');
      const std::string step(path.substr(0, dot));
      path.remove_prefix(dot == std::string_view::npos ? path.size() : dot + 1);
      if (value->IsArray()) {
        const size_t index = std::stoul(step);
        if (index >= value->Size()) return nullptr;
        value = &(*value)[static_cast<rapidjson::SizeType>(index)];
      } else if (value->IsObject() && value->HasMember(step.c_str())) {
        value = &(*value)[step.c_str()];
      } else {
        return nullptr;
      }
    }
    return value;
  }
  std::string String(std::string_view path) const {
    const rapidjson::Value* value = Find(path);
    return value != nullptr && value->IsString() ? value->GetString() : "";
  }
  size_t Size(std::string_view path) const {
    const rapidjson::Value* value = Find(path);
    return value != nullptr && value->IsArray() ? value->Size() : 0;
  }
  bool valid() const { return !document_.HasParseError(); }

 private:
  rapidjson::Document document_;
};

}  // namespace narthex::testing
