#include "runtime/modules/http_backend.hpp"

#include <utility>

#include "runtime/script/error_table.hpp"
#include "runtime/script/errors.hpp"
#include "runtime/vm/vm.hpp"

namespace perilune::runtime {
namespace {

struct StreamBackendSlot {
  explicit StreamBackendSlot(Vm&) {}
  MakeStreamBackend make = nullptr;
};

}  // namespace

std::string_view name(HttpErrc code) noexcept {
  const ErrorRow* row = find_error(kHttpCategory, static_cast<int>(code));
  return row == nullptr ? "unknown" : row->name;
}
std::string_view sentence(HttpErrc code) noexcept {
  return error_message(kHttpCategory, static_cast<int>(code));
}

Step HttpBackend::fail(HttpErrc code, std::string detail) {
  fault_ = HttpFault{code, std::move(detail), {}};
  return Step::Failed;
}

Step HttpBackend::fail(IoError error) {
  fault_ = HttpFault{{}, {}, std::move(error)};
  return Step::Failed;
}

void set_http_stream_backend(Vm& vm, MakeStreamBackend make) {
  vm.slot<StreamBackendSlot>().make = make;
}

MakeStreamBackend http_stream_backend_of(Vm& vm) { return vm.slot<StreamBackendSlot>().make; }

}  // namespace perilune::runtime
