#pragma once

/// @file
/// Suspensions on a network: try, wait to be woken, try again.

#include <cerrno>
#include <utility>

#include "runtime/modules/net_backend.hpp"
#include "runtime/modules/net_errors.hpp"
#include "runtime/vm/operation.hpp"

namespace perilune::runtime {

/// Base of acceptor's and socket's operations. `Owner` has one pointer to the operation that waits
/// (`*place`), so that `cancel()` and `close()` of a script can end it.
class IoOperation : public Operation, protected IoWaiter {
 public:
  IoOperation(const char* name, IoOperation*& place) : name_{name}, place_{&place} { place = this; }
  ~IoOperation() override { leave(); }

  const char* name() const noexcept final { return name_; }
  void cancel() noexcept final {
    if (completed()) return;
    stop_waiting();
    leave();
    complete_cancelled();
  }
  /// A script's `cancel()` or `close()`: the fiber gets operation_aborted.
  void abort() noexcept {
    if (completed()) return;
    stop_waiting();
    leave();
    error_ = system_io_error(ECANCELED);
    complete();
  }
  int finish(lua_State* L) final {
    leave();
    if (error_) raise_io(L, error_);
    return push_result(L);
  }

 protected:
  /// Tries; true if it is done, `error_` or the result is set then.
  virtual bool attempt() = 0;
  /// Asks to be woken.
  virtual void wait() = 0;
  virtual void stop_waiting() noexcept = 0;
  virtual int push_result(lua_State* L) = 0;

  void wake() noexcept final {
    if (completed()) return;
    if (attempt()) {
      leave();
      complete();
    } else {
      wait();
    }
  }
  /// Tells the owner that nobody waits any more; idempotent.
  void leave() noexcept {
    if (place_ != nullptr && *place_ == this) *place_ = nullptr;
    place_ = nullptr;
  }

  IoError error_;

 private:
  const char* name_;
  IoOperation** place_;
};

}  // namespace perilune::runtime
