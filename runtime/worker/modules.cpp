#include <array>

#include "runtime/modules/http_module.hpp"
#include "runtime/modules/ip_module.hpp"
#include "runtime/worker/app.hpp"

namespace perilune::worker {

std::span<const runtime::NativeModule> hosted_modules() noexcept {
  static constexpr std::array<runtime::NativeModule, 2> kModules{
      {{"http", runtime::open_http}, {"ip", runtime::open_ip}}};
  return kModules;
}

}  // namespace perilune::worker
