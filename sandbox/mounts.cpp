#include "sandbox/mounts.hpp"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <string>

namespace perilune::sandbox {
namespace {

constexpr unsigned long kInert = MS_NOSUID | MS_NODEV | MS_NOEXEC;

// A directory that every Linux has and that nothing needs: what is mounted over is out of reach.
constexpr const char* kMountPoint = "/proc";
constexpr std::array<const char*, 4> kMountPoints{"/tmp", "/run", "/mnt", kMountPoint};

int mount_empty() {
  for (const char* place : kMountPoints) {
    if (::mount("none", place, "tmpfs", kInert, "size=4k,nr_inodes=2,mode=555") == 0) {
      return ::chdir(place);
    }
    if (errno != ENOENT && errno != ENOTDIR) return -1;
  }
  return -1;
}

int pivot() {
  // With "." twice the old root lands on top of the new one, so that no second directory is needed.
  if (::syscall(SYS_pivot_root, ".", ".") != 0) return -1;
  return ::umount2(".", MNT_DETACH);
}

int move_mount() {
  if (::mount(".", "/", nullptr, MS_MOVE, nullptr) != 0) return -1;
  return ::chroot(".");
}

}  // namespace

int replace_root(RootKind kind) noexcept {
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return -1;
  if (mount_empty() != 0) return -1;
  if ((kind == RootKind::Pivot ? pivot() : move_mount()) != 0) return -1;
  if (::chdir("/") != 0) return -1;
  return ::mount(nullptr, "/", nullptr, MS_REMOUNT | MS_BIND | MS_RDONLY | kInert, nullptr);
}

Result<UniqueFd> make_void_directory() {
  int error = 0;
  for (const char* parent : {"/run", "/tmp", "/dev/shm", "/var/tmp"}) {
    std::string path = std::string{parent} + "/perilune-void-XXXXXX";
    if (::mkdtemp(path.data()) == nullptr) {
      error = errno;
      continue;
    }
    UniqueFd directory{::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)};
    const int opened = errno;
    // Workers enter it with another uid: they must be able to stand in it.
    const bool usable = ::chmod(path.c_str(), 0555) == 0;
    if (::rmdir(path.c_str()) != 0) return system_failure("rmdir " + path, errno);
    if (directory && usable) return directory;
    error = opened;
  }
  return system_failure("no folder in which to make an empty directory", error);
}

int enter_root(int fd) noexcept {
  if (::fchdir(fd) != 0 || ::chroot(".") != 0) return -1;
  return ::chdir("/");
}

}  // namespace perilune::sandbox
