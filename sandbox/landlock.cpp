#include "sandbox/landlock.hpp"

#include <linux/landlock.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "runtime/base/unique_fd.hpp"

namespace perilune::sandbox {
namespace {

// The kernel's structure as of ABI 6; Debian 12's header ends earlier.
struct RulesetAttributes {
  std::uint64_t file_system = 0;
  std::uint64_t network = 0;
  std::uint64_t scoped = 0;
};

constexpr std::uint64_t low_bits(unsigned count) { return (std::uint64_t{1} << count) - 1; }

RulesetAttributes everything(std::uint32_t abi) {
  RulesetAttributes rights;
  rights.file_system = low_bits(13);                // ABI 1: execute ... make_sym
  if (abi >= 2) rights.file_system = low_bits(14);  // refer
  if (abi >= 3) rights.file_system = low_bits(15);  // truncate
  if (abi >= 5) rights.file_system = low_bits(16);  // ioctl on devices
  if (abi >= 4) rights.network = low_bits(2);       // TCP bind, connect
  if (abi >= 6) rights.scoped = low_bits(2);        // abstract sockets, signals
  return rights;
}

constexpr std::size_t size_for(std::uint32_t abi) {
  return abi >= 6 ? sizeof(RulesetAttributes) : abi >= 4 ? 16U : 8U;
}

}  // namespace

std::uint32_t landlock_abi() noexcept {
  const long abi =
      ::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
  return abi < 0 ? 0 : static_cast<std::uint32_t>(abi);
}

int landlock_deny_everything(std::uint32_t abi) noexcept {
  const RulesetAttributes rights = everything(abi);
  const UniqueFd ruleset{
      static_cast<int>(::syscall(SYS_landlock_create_ruleset, &rights, size_for(abi), 0))};
  if (!ruleset) return -1;
  return static_cast<int>(::syscall(SYS_landlock_restrict_self, ruleset.get(), 0));
}

}  // namespace perilune::sandbox
