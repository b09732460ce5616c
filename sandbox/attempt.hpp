#pragma once

/// @file
/// Trying something irreversible in a throw-away child, and hearing how it went.

#include <functional>
#include <string>

namespace perilune::sandbox {

/// How an attempt went.
struct Attempt {
  int error = 0;     ///< errno of what failed; 0: it worked
  std::string what;  ///< the call that failed, "unshare(CLONE_NEWNET)"
  [[nodiscard]] bool ok() const noexcept { return error == 0 && what.empty(); }
};

/// The child's way to give up: says which call failed, with errno.
class Trial {
 public:
  explicit Trial(int fd) noexcept : fd_{fd} {}
  /// Ends the child if `result` is negative.
  void need(long result, const char* what) const;

 private:
  int fd_;
};

/// Runs `body` in a child. It works if it returns; `inspect` then runs here while the child still
/// exists. A child that dies otherwise fails with "died".
[[nodiscard]] Attempt attempt(const std::function<void(const Trial&)>& body,
                              const std::function<void(int pid)>& inspect = {});

}  // namespace perilune::sandbox
