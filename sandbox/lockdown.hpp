#pragma once

/// @file
/// The worker's half of the start sequence (sandbox.md, section 3, steps 12 to 17).

#include <cstdint>

#include "runtime/base/units.hpp"

namespace perilune::sandbox {

/// What the launcher tells a worker in the first datagram on descriptor 3: a fixed struct.
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

/// Reads and checks the boot message; ends the process (78) if it is not one.
[[nodiscard]] Boot read_boot();

/// Everything irreversible, in order; ends the process with exit status 78 if a step fails, after
/// writing the step's name to descriptor 3. Before it: make every thread, timer and epoll instance,
/// and prime what a library opens lazily. After it: about 25 system calls are left
/// (sandbox/policy.hpp). Returns once the launcher may measure; then the first frame can be sent.
void lockdown(const Boot& boot);

}  // namespace perilune::sandbox
