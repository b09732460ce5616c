// Apart from filter.cpp, so that the worker does not carry libseccomp.
#include <linux/seccomp.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "sandbox/filter.hpp"

namespace perilune::sandbox {

int install(std::span<const sock_filter> program) noexcept {
  sock_fprog wanted{};
  wanted.len = static_cast<unsigned short>(program.size());
  wanted.filter = const_cast<sock_filter*>(program.data());  // the kernel only reads it
  const long rc =
      ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &wanted);
  if (rc > 0) errno = ESRCH;  // the thread that could not be brought under the filter
  return rc == 0 ? 0 : -1;
}

}  // namespace perilune::sandbox
