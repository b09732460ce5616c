#pragma once

/// @file
/// One way to say "this can fail and the caller is expected to look".

#include <boost/system/error_code.hpp>
#include <boost/system/result.hpp>
#include <string>
#include <utility>

namespace perilune {

/// Why something that is part of normal service did not happen: a sentence for a person, naming
/// what, where, the limit, the actual value and what to do. `code` is the stable snake_case name
/// (see runtime/errors.hpp) that goes on the wire and into metrics.
struct Failure {
  std::string code;
  std::string detail;
};

/// A `T`, or the failure that explains why there is none. Dereferencing an empty one throws
/// `std::runtime_error` with the failure's sentence: a bug of the caller.
template <typename T>
using Result = boost::system::result<T, Failure>;

[[noreturn]] void throw_exception_from_error(const Failure& failure, const boost::source_location&);

/// The text of errno `number` after `what`, as in "open /dev/null: Permission denied (13)".
[[nodiscard]] Failure system_failure(std::string what, int number);

}  // namespace perilune
