#pragma once

/// @file
/// IP addresses and endpoints as plain values.

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace perilune::runtime {

/// An IPv4 or IPv6 address. The default is 0.0.0.0.
class IpAddress {
 public:
  IpAddress() = default;
  [[nodiscard]] static IpAddress v4(std::array<std::uint8_t, 4> bytes) noexcept;
  [[nodiscard]] static IpAddress v6(const std::array<std::uint8_t, 16>& bytes,
                                    std::uint32_t scope = 0) noexcept;
  /// "127.0.0.1", "::1", "fe80::1%2"; empty if it is none.
  [[nodiscard]] static std::optional<IpAddress> parse(std::string_view text);
  [[nodiscard]] static IpAddress loopback_v4() noexcept { return v4({127, 0, 0, 1}); }
  [[nodiscard]] static IpAddress loopback_v6() noexcept;

  [[nodiscard]] bool is_v6() const noexcept { return v6_; }
  [[nodiscard]] bool is_loopback() const noexcept;
  [[nodiscard]] bool is_unspecified() const noexcept;
  [[nodiscard]] bool is_multicast() const noexcept;
  [[nodiscard]] bool is_link_local() const noexcept;
  [[nodiscard]] bool is_site_local() const noexcept;
  [[nodiscard]] bool is_v4_mapped() const noexcept;
  /// The low four bits of a v6 multicast address' second byte (1 node, 2 link, 5 site, 8
  /// organisation, 14 global), or -1.
  [[nodiscard]] int multicast_scope() const noexcept;
  [[nodiscard]] std::uint32_t scope() const noexcept { return scope_; }
  void set_scope(std::uint32_t scope) noexcept { scope_ = scope; }

  /// The v4 address that a mapped v6 address holds; empty if it is not mapped.
  [[nodiscard]] std::optional<IpAddress> to_v4() const noexcept;
  /// A v4 address as its mapped v6 address; a v6 address unchanged.
  [[nodiscard]] IpAddress to_v6() const noexcept;
  /// 4 (at the front) or 16 bytes in network order.
  [[nodiscard]] const std::array<std::uint8_t, 16>& bytes() const noexcept { return bytes_; }
  [[nodiscard]] std::string to_string() const;

  friend auto operator<=>(const IpAddress&, const IpAddress&) = default;

 private:
  bool v6_ = false;
  std::array<std::uint8_t, 16> bytes_{};
  std::uint32_t scope_ = 0;
};

struct Endpoint {
  IpAddress address;
  std::uint16_t port = 0;
  friend auto operator<=>(const Endpoint&, const Endpoint&) = default;
};

/// "127.0.0.1:80", "[::1]:80".
[[nodiscard]] std::string to_string(const Endpoint& endpoint);
/// The reverse; empty if `text` is no endpoint.
[[nodiscard]] std::optional<Endpoint> parse_endpoint(std::string_view text);

}  // namespace perilune::runtime
