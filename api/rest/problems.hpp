#pragma once

/// @file
/// Every way in which the control API says no: RFC 9457 problems and the one table of their codes.

#include <boost/system/result.hpp>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "api/model.hpp"
#include "api/rest/http.hpp"
#include "runtime/base/result.hpp"

namespace perilune::api {

/// One code: stable, documented in docs/reference/errors.md (a test compares).
struct ProblemSpec {
  std::string_view code;
  unsigned status;
  std::string_view title;
  std::string_view help;
};
[[nodiscard]] std::span<const ProblemSpec> problem_specs() noexcept;
/// The row of a code; `internal` when there is none.
[[nodiscard]] const ProblemSpec& problem_spec(std::string_view code) noexcept;

/// A member of a body that is wrong, by JSON Pointer.
struct FieldError {
  std::string pointer;
  std::string message;
};

struct LimitHit {
  std::string name;
  std::uint64_t limit = 0;
  std::uint64_t actual = 0;
  std::string unit;
};

/// One refusal. A Failure of store or platform becomes one by its code.
struct Problem {
  Problem() : Problem{"internal", {}} {}  // result::error() asks for it
  Problem(std::string code_, std::string detail_)
      : code{std::move(code_)}, detail{std::move(detail_)} {}
  Problem(const Failure& failure) : Problem{failure.code, failure.detail} {}  // NOLINT: converts

  std::string code;
  std::string detail;
  std::vector<FieldError> errors;
  std::vector<Diagnostic> diagnostics;
  std::optional<LimitHit> limit;
  std::string required_scope;
  std::string help;  ///< empty: the code's
  std::uint32_t retry_after_s = 0;
  std::string allow;
};

template <typename T>
using Checked = boost::system::result<T, Problem>;
/// What a handler returns.
using Reply = Checked<Response>;

/// The application/problem+json of it. Details of `internal` stay in the host's log.
[[nodiscard]] Response render_problem(const Problem& problem, std::string_view instance,
                                      std::string_view request_id);

[[nodiscard]] std::string_view unit_name(Unit unit) noexcept;

}  // namespace perilune::api
