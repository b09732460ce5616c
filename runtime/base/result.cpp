#include "runtime/base/result.hpp"

#include <stdexcept>
#include <system_error>

namespace perilune {

void throw_exception_from_error(const Failure& failure, const boost::source_location& /*where*/) {
  throw std::runtime_error{failure.code + ": " + failure.detail};
}

Failure system_failure(std::string what, int number) {
  what += ": " + std::generic_category().message(number) + " (" + std::to_string(number) + ")";
  return Failure{"system_error", std::move(what)};
}

}  // namespace perilune
