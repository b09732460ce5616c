#include "sandbox/filter.hpp"

#include <seccomp.h>
#include <sys/mman.h>
#include <unistd.h>

#include <memory>

#include "runtime/base/unique_fd.hpp"

namespace perilune::sandbox {
namespace {

struct Release {
  void operator()(void* context) const { ::seccomp_release(context); }
};
using Context = std::unique_ptr<void, Release>;

int add(void* context, const Rule& rule) {
  std::vector<scmp_arg_cmp> tests;
  for (const auto& test : rule.when) {
    if (test) tests.push_back({test->index, SCMP_CMP_MASKED_EQ, test->mask, test->value});
  }
  return ::seccomp_rule_add_exact_array(context, SCMP_ACT_ALLOW, rule.number,
                                        static_cast<unsigned>(tests.size()), tests.data());
}

Result<std::vector<sock_filter>> exported(void* context) {
  const UniqueFd file{::memfd_create("filter", MFD_CLOEXEC)};
  if (!file) return system_failure("memfd_create for the filter", errno);
  if (const int rc = ::seccomp_export_bpf(context, file.get()); rc < 0) {
    return system_failure("seccomp_export_bpf", -rc);
  }
  const off_t size = ::lseek(file.get(), 0, SEEK_END);
  if (size <= 0 || static_cast<std::size_t>(size) > kMaxFilter * sizeof(sock_filter)) {
    return Failure{"system_error", "the filter has " + std::to_string(size) + " bytes"};
  }
  std::vector<sock_filter> program(static_cast<std::size_t>(size) / sizeof(sock_filter));
  if (::pread(file.get(), program.data(), static_cast<std::size_t>(size), 0) != size) {
    return system_failure("reading the filter back", errno);
  }
  return program;
}

}  // namespace

Result<std::vector<sock_filter>> compile(Policy policy) {
  const Context context{::seccomp_init(SCMP_ACT_KILL_PROCESS)};
  if (!context) return system_failure("seccomp_init", ENOMEM);
  if (const int rc =
          ::seccomp_attr_set(context.get(), SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
      rc < 0) {
    return system_failure("SCMP_FLTATR_ACT_BADARCH", -rc);
  }
  const auto add_all = [&](std::span<const Rule> rules) -> Result<void> {
    for (const Rule& rule : rules) {
      if (const int rc = add(context.get(), rule); rc < 0) {
        return system_failure("filter rule for " + std::string{rule.call}, -rc);
      }
    }
    return {};
  };
  if (auto added = add_all(common_rules()); !added) return added.error();
  if (policy == Policy::WorkerJit) {
    if (auto added = add_all(jit_rules()); !added) return added.error();
  }
  return exported(context.get());
}

}  // namespace perilune::sandbox
