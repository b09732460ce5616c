/// An upload, unpacked as the first byte says: no path leads outside, no limit is crossed.

#include <cstdlib>

#include "runtime/worker/bundle.hpp"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  using namespace perilune;
  if (size == 0) return 0;
  const std::string_view upload{reinterpret_cast<const char*>(data) + 1, size - 1};
  Limits limits;
  limits.set(Limit::BundleUnpacked, 1U << 20U);
  limits.set(Limit::BundleFiles, 20);
  worker::BundleBuilder builder{limits};
  if (data[0] % 2 == 0)
    worker::read_tar(upload, builder);
  else
    worker::read_zip(upload, builder);
  std::size_t bytes = 0;
  for (const auto& [path, text] : builder.files()) {
    bytes += text.size();
    if (path.empty() || path.front() == '/' || path.find("..") == 0) std::abort();
    if (path.find("/../") != std::string::npos || !worker::is_utf8(path)) std::abort();
  }
  if (bytes > (1U << 20U) || builder.files().size() > 20) std::abort();
  for (const auto& finding : builder.findings()) {
    link::Bytes_ out;
    finding.view().encode(out);
    if (!link::Diagnostic::decode(out)) std::abort();
  }
  return 0;
}
