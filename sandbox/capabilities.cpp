#include "sandbox/capabilities.hpp"

#include <grp.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace perilune::sandbox {
namespace {

using Sets = std::array<__user_cap_data_struct, 2>;  // low and high 32 capabilities

int read_sets(Sets& sets) {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  return static_cast<int>(::syscall(SYS_capget, &header, sets.data()));
}

int write_sets(const Sets& sets) {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  return static_cast<int>(::syscall(SYS_capset, &header, sets.data()));
}

constexpr unsigned long kLockedBits =
    SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_SETUID_FIXUP | SECBIT_NO_SETUID_FIXUP_LOCKED |
    SECBIT_KEEP_CAPS_LOCKED | SECBIT_NO_CAP_AMBIENT_RAISE | SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED;

int empty_bounding_set() {
  for (unsigned long capability = 0; capability < 64; ++capability) {
    if (::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) == 0) continue;
    return errno == EINVAL && capability > 0 ? 0 : -1;  // EINVAL: past the kernel's last one
  }
  return 0;
}

}  // namespace

bool has_capability(int capability) noexcept {
  Sets sets{};
  if (read_sets(sets) != 0) return false;
  const auto bit = static_cast<unsigned>(capability);
  return (sets[bit / 32].effective >> (bit % 32) & 1U) != 0;
}

int drop_bounding_set() noexcept {
  if (!has_capability(CAP_SETPCAP)) return 0;
  if (empty_bounding_set() != 0) return -1;
  return ::prctl(PR_SET_SECUREBITS, kLockedBits, 0, 0, 0);
}

int drop_all_capabilities() noexcept {
  // Kernels without ambient capabilities (before 4.3) have nothing to clear.
  if (::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0 && errno != EINVAL) return -1;
  return write_sets(Sets{});
}

int keep_capabilities(std::uint64_t mask) noexcept {
  Sets sets{};
  if (read_sets(sets) != 0) return -1;
  for (std::size_t half = 0; half < sets.size(); ++half) {
    const auto keep = static_cast<std::uint32_t>(mask >> (32 * half));
    sets[half].effective &= keep;
    sets[half].permitted &= keep;
    sets[half].inheritable = 0;
  }
  return write_sets(sets);
}

int become(uid_t id) noexcept {
  if (::setgroups(0, nullptr) != 0) return -1;
  if (::setresgid(id, id, id) != 0) return -1;
  return ::setresuid(id, id, id);
}

}  // namespace perilune::sandbox
