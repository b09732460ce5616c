#pragma once

/// @file
/// Random secrets, hashes and comparisons that take the same time whatever they find.

#include <string>
#include <string_view>

namespace perilune::api {

/// SHA-256 as 64 hex digits.
[[nodiscard]] std::string sha256_hex(std::string_view bytes);
/// `bytes` random bytes as hex digits.
[[nodiscard]] std::string random_hex(std::size_t bytes);
/// Lower-case hex digits only.
[[nodiscard]] bool is_hex(std::string_view text) noexcept;
/// `plt_` and 32 random bytes as hex digits.
[[nodiscard]] std::string new_token_secret();
[[nodiscard]] bool is_token_secret(std::string_view text) noexcept;
/// What the store keeps of a secret. Without a salt: secrets have 256 random bits of their own.
[[nodiscard]] std::string token_hash(std::string_view secret);
/// In constant time for equal lengths.
[[nodiscard]] bool same_secret(std::string_view a, std::string_view b) noexcept;

}  // namespace perilune::api
