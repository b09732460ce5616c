/// perilune.toml as somebody wrote it: every leaf and every finding fits the link.

#include <cstdlib>

#include "runtime/worker/manifest.hpp"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  using namespace perilune;
  worker::Manifest manifest;
  std::vector<worker::Finding> findings;
  const bool fine = manifest.parse({reinterpret_cast<const char*>(data), size}, findings);
  if (fine != findings.empty()) std::abort();
  for (const auto& value : manifest.values()) {
    link::Bytes_ out;
    value.view().encode(out);
    if (!link::ManifestEntry::decode(out)) std::abort();
  }
  for (const auto& finding : findings) {
    link::Bytes_ out;
    finding.view().encode(out);
    if (!link::Diagnostic::decode(out)) std::abort();
  }
  return 0;
}
