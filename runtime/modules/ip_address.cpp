#include "runtime/modules/ip_address.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>

namespace perilune::runtime {
namespace {

template <typename T>
std::optional<T> parse_number(std::string_view text) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size()) return {};
  return value;
}

}  // namespace

IpAddress IpAddress::v4(std::array<std::uint8_t, 4> bytes) noexcept {
  IpAddress address;
  std::copy(bytes.begin(), bytes.end(), address.bytes_.begin());
  return address;
}

IpAddress IpAddress::v6(const std::array<std::uint8_t, 16>& bytes, std::uint32_t scope) noexcept {
  IpAddress address;
  address.v6_ = true;
  address.bytes_ = bytes;
  address.scope_ = scope;
  return address;
}

IpAddress IpAddress::loopback_v6() noexcept {
  std::array<std::uint8_t, 16> bytes{};
  bytes[15] = 1;
  return v6(bytes);
}

std::optional<IpAddress> IpAddress::parse(std::string_view text) {
  if (text.size() > 64 || text.find('\0') != std::string_view::npos) return {};
  const auto percent = text.find('%');
  const std::string bare{text.substr(0, percent)};
  std::array<std::uint8_t, 4> four{};
  if (percent == std::string_view::npos && ::inet_pton(AF_INET, bare.c_str(), four.data()) == 1)
    return v4(four);
  std::array<std::uint8_t, 16> sixteen{};
  if (::inet_pton(AF_INET6, bare.c_str(), sixteen.data()) != 1) return {};
  if (percent == std::string_view::npos) return v6(sixteen);
  const auto scope = parse_number<std::uint32_t>(text.substr(percent + 1));
  if (!scope) return {};
  return v6(sixteen, *scope);
}

bool IpAddress::is_loopback() const noexcept {
  return v6_ ? bytes_ == loopback_v6().bytes_ : bytes_[0] == 127;
}

bool IpAddress::is_unspecified() const noexcept {
  return std::all_of(bytes_.begin(), bytes_.end(), [](std::uint8_t b) { return b == 0; });
}

bool IpAddress::is_multicast() const noexcept {
  return v6_ ? bytes_[0] == 0xff : (bytes_[0] & 0xf0) == 0xe0;
}

bool IpAddress::is_link_local() const noexcept {
  return v6_ && bytes_[0] == 0xfe && (bytes_[1] & 0xc0) == 0x80;
}

bool IpAddress::is_site_local() const noexcept {
  return v6_ && bytes_[0] == 0xfe && (bytes_[1] & 0xc0) == 0xc0;
}

bool IpAddress::is_v4_mapped() const noexcept {
  return v6_ && bytes_[10] == 0xff && bytes_[11] == 0xff &&
         std::all_of(bytes_.begin(), bytes_.begin() + 10, [](std::uint8_t b) { return b == 0; });
}

int IpAddress::multicast_scope() const noexcept {
  return v6_ && is_multicast() ? bytes_[1] & 0x0f : -1;
}

std::optional<IpAddress> IpAddress::to_v4() const noexcept {
  if (!v6_) return *this;
  if (!is_v4_mapped()) return {};
  return v4({bytes_[12], bytes_[13], bytes_[14], bytes_[15]});
}

IpAddress IpAddress::to_v6() const noexcept {
  if (v6_) return *this;
  std::array<std::uint8_t, 16> mapped{};
  mapped[10] = mapped[11] = 0xff;
  std::copy(bytes_.begin(), bytes_.begin() + 4, mapped.begin() + 12);
  return v6(mapped);
}

std::string IpAddress::to_string() const {
  std::array<char, INET6_ADDRSTRLEN> text{};
  ::inet_ntop(v6_ ? AF_INET6 : AF_INET, bytes_.data(), text.data(), text.size());
  std::string out{text.data()};
  if (scope_ != 0) out += '%' + std::to_string(scope_);
  return out;
}

std::string to_string(const Endpoint& endpoint) {
  const auto port = std::to_string(endpoint.port);
  if (endpoint.address.is_v6()) return '[' + endpoint.address.to_string() + "]:" + port;
  return endpoint.address.to_string() + ':' + port;
}

std::optional<Endpoint> parse_endpoint(std::string_view text) {
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return {};
  auto host = text.substr(0, colon);
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  const auto address = IpAddress::parse(host);
  const auto port = parse_number<std::uint16_t>(text.substr(colon + 1));
  if (!address || !port || address->is_v6() != bracketed) return {};
  return Endpoint{*address, *port};
}

}  // namespace perilune::runtime
