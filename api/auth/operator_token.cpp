#include "api/auth/operator_token.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>

#include "api/auth/secret.hpp"
#include "runtime/base/log.hpp"
#include "runtime/base/unique_fd.hpp"

namespace perilune::api {
namespace {

constexpr std::string_view kId = "tok_operator";

/// Empty: there is no file.
Result<std::string> read_file(const std::string& path) {
  const UniqueFd file{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW)};
  if (!file && errno == ENOENT)
    return Result<std::string>{boost::system::in_place_value, std::string{}};
  if (!file) return system_failure("open " + path, errno);
  std::array<char, 128> text{};
  const auto size = ::read(file.get(), text.data(), text.size());
  if (size < 0) return system_failure("read " + path, errno);
  std::string token{text.data(), static_cast<std::size_t>(size)};
  while (!token.empty() && token.back() == '\n') token.pop_back();
  if (!is_token_secret(token))
    return Failure{"bad_token_file", path + " does not hold a token; remove it"};
  return Result<std::string>{boost::system::in_place_value, std::move(token)};
}

/// All of it or nothing, on the disk when it returns.
Result<void> write_file(const std::string& data_dir, const std::string& path,
                        const std::string& text) {
  const std::string draft = path + ".new";
  UniqueFd file{::open(draft.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600)};
  if (!file || ::fchmod(file.get(), 0600) != 0) return system_failure("create " + draft, errno);
  if (::write(file.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()) ||
      ::fsync(file.get()) != 0)
    return system_failure("write " + draft, errno);
  if (::rename(draft.c_str(), path.c_str()) != 0) return system_failure("rename " + draft, errno);
  const UniqueFd folder{::open(data_dir.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (!folder || ::fsync(folder.get()) != 0) return system_failure("sync " + data_dir, errno);
  return {};
}

}  // namespace

Result<std::string> ensure_operator_token(Store& store, const std::string& data_dir) {
  const std::string path = data_dir + "/admin.token";
  auto secret = read_file(path);
  if (!secret) return secret;
  const auto known = store.token(kId);
  if (known && secret->empty())
    log::warn("there is no admin.token: the operator's token is valid and not made again",
              {{"help", std::string_view{"docs/operations/running.md, The operator's token"}}});
  if (known) return secret;
  if (known.error().code != "not_found") return known.error();
  if (secret->empty()) {
    *secret = new_token_secret();
    if (const auto written = write_file(data_dir, path, *secret + "\n"); !written)
      return written.error();
  }
  TokenRow row;
  row.id = kId;
  row.name = "operator";
  row.scopes = {"*"};
  row.created = log::now_milliseconds();
  if (const auto made = store.create_token(row, token_hash(*secret)); !made) return made.error();
  return secret;
}

}  // namespace perilune::api
