#pragma once
// The functions of Alertmanager's templates.

#include <functional>
#include <memory>

#include "core/template/template.h"

namespace narthex::am {

// `now_nanos` feeds `now` and `since`.
tmpl::FunctionMap TemplateFunctions(std::function<int64_t()> now_nanos);

}  // namespace narthex::am
