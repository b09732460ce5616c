#pragma once

/// @file
/// A root directory with nothing in it.

#include <cstdint>

#include "runtime/base/result.hpp"
#include "runtime/base/unique_fd.hpp"

namespace perilune::sandbox {

/// How the old root goes away; the stronger first.
enum class RootKind : std::uint8_t {
  None,       ///< it stays; Landlock and the filter deny its files
  Chroot,     ///< chroot into a directory that was deleted: nothing is in it, nothing can be made
  MoveMount,  ///< an empty tmpfs moved over "/", then chroot (where pivot_root is filtered)
  Pivot,      ///< pivot_root into an empty tmpfs, the old root unmounted
};

/// In a mount namespace of its own: replaces the root by an empty, read-only tmpfs. `kind` is Pivot
/// or MoveMount. @returns 0, or -1 with errno set.
[[nodiscard]] int replace_root(RootKind kind) noexcept;

/// A descriptor of a directory that exists no more: made, opened, removed. Needs one writable
/// folder among /run, /tmp, /dev/shm, /var/tmp.
[[nodiscard]] Result<UniqueFd> make_void_directory();

/// chroot into the directory behind `fd`, and go there. @returns 0, or -1 with errno set.
[[nodiscard]] int enter_root(int fd) noexcept;

}  // namespace perilune::sandbox
