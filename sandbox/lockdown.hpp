#pragma once

/// @file
/// The worker's half of the start sequence (sandbox.md, section 3, steps 12 to 17).

#include <cstdint>

#include "runtime/base/units.hpp"

namespace perilune::sandbox {

/// What the launcher tells a worker in the first datagram on descriptor 3: a fixed struct. The
/// second datagram is the system call filter, compiled by the launcher (sandbox/filter.hpp).
struct Boot {
  std::uint32_t magic = 0;
  std::uint8_t jit = 0;
  std::uint8_t throw_away = 0;
  std::uint8_t links = 0;  ///< request links are descriptors 4 ... 3 + links
  std::uint8_t threads = 0;
  std::uint64_t memory = 0;  ///< worker memory
  std::uint32_t landlock_abi = 0;
  std::uint32_t fail_step = 0;  ///< tests: make this step fail (builds with fault injection only)
};

inline constexpr std::uint32_t kBootMagic = 0x504c5742;

/// Call first, before any thread is made. Reads and checks the boot message, and takes what threads
/// inherit: Landlock (no path can be opened from here on) and one malloc arena (a second arena
/// needs mprotect, which the filter refuses). Ends the process (78) if a step fails.
[[nodiscard]] Boot read_boot();

/// The rest of what is irreversible, in order; ends the process with exit status 78 if a step
/// fails, after naming it on descriptor 3. Before it: make every thread and wait until its function
/// runs (its first calls are not in the policy); make every timer, signal handler and epoll
/// instance; prime what a library opens lazily; descriptors other than the links may only
/// be of the kinds epoll, eventfd, timerfd and signalfd. After it: about 25 system calls are left
/// (sandbox/policy.hpp), on every thread; no thread can be made and none may end. Returns once the
/// launcher may measure; then the first frame can be sent.
void lockdown(const Boot& boot);

}  // namespace perilune::sandbox
