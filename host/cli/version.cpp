#include "host/cli/version.hpp"

#include <archive.h>
#include <openssl/crypto.h>
#include <seccomp.h>
#include <sodium/version.h>
#include <sqlite3.h>
#include <toml++/impl/version.h>
#include <CLI/Version.hpp>
#include <boost/version.hpp>

namespace perilune::host {
namespace {

std::string dotted(int major, int minor, int patch) {
  return std::to_string(major) + "." + std::to_string(minor) + "." + std::to_string(patch);
}

void line(std::string& text, std::string_view library, std::string_view version) {
  text += "  ";
  text += library;
  text.append(library.size() < 15 ? 15 - library.size() : 1, ' ');
  text += version;
  text += '\n';
}

}  // namespace

std::string version_text() {
  std::string text = "perilune " PERILUNE_VERSION "\n";
  line(text, "LuaJIT", PERILUNE_LUAJIT_VERSION);
  line(text, "Boost",
       dotted(BOOST_VERSION / 100000, BOOST_VERSION / 100 % 1000, BOOST_VERSION % 100));
  line(text, "OpenSSL", OpenSSL_version(OPENSSL_VERSION_STRING));
  line(text, "SQLite", sqlite3_libversion());
  line(text, "libsodium", SODIUM_VERSION_STRING);
  const scmp_version* seccomp = seccomp_version();
  line(text, "libseccomp",
       dotted(static_cast<int>(seccomp->major), static_cast<int>(seccomp->minor),
              static_cast<int>(seccomp->micro)));
  line(text, "prometheus-cpp", PERILUNE_PROMETHEUS_VERSION);
  line(text, "libarchive", archive_version_details());
  line(text, "toml++", dotted(TOML_LIB_MAJOR, TOML_LIB_MINOR, TOML_LIB_PATCH));
  line(text, "CLI11", CLI11_VERSION);
  return text;
}

}  // namespace perilune::host
