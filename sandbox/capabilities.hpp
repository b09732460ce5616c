#pragma once

/// @file
/// Giving up privileges: capability sets, the bounding set, securebits, uids.

#include <sys/types.h>

#include <cstdint>

namespace perilune::sandbox {

/// This thread's effective capability (CAP_...).
[[nodiscard]] bool has_capability(int capability) noexcept;

/// Empties the bounding set and locks the securebits, so that no uid and no program can bring a
/// capability back. Needs CAP_SETPCAP; without it this does nothing: no_new_privs holds the same
/// door. Before `become`. @returns 0, or -1 with errno set.
[[nodiscard]] int drop_bounding_set() noexcept;

/// Empties the other sets. After `become`. @returns 0, or -1 with errno set.
[[nodiscard]] int drop_all_capabilities() noexcept;

/// Keeps at most the capabilities in `mask` (bit = CAP_...). @returns 0, or -1 with errno set.
[[nodiscard]] int keep_capabilities(std::uint64_t mask) noexcept;

/// Supplementary groups away, then all three group and user ids to `id`. PDEATHSIG is lost on the
/// way. @returns 0, or -1 with errno set.
[[nodiscard]] int become(uid_t id) noexcept;

}  // namespace perilune::sandbox
