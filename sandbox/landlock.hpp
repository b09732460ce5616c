#pragma once

/// @file
/// Landlock: denies every path, TCP port and outside signal that the kernel can deny.

#include <cstdint>

namespace perilune::sandbox {

/// What the kernel offers; 0 if it has no Landlock or does not enable it (errno says which).
[[nodiscard]] std::uint32_t landlock_abi() noexcept;

/// Takes every right that version `abi` of Landlock knows from this thread and those that it makes.
/// Needs no_new_privs. @returns 0, or -1 with errno set.
[[nodiscard]] int landlock_deny_everything(std::uint32_t abi) noexcept;

}  // namespace perilune::sandbox
