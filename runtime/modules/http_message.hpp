#pragma once

/// @file
/// A request or a response as scripts hold it: apart from any socket, locked while one uses it.

#include <boost/intrusive_ptr.hpp>
#include <boost/smart_ptr/intrusive_ref_counter.hpp>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "runtime/modules/http_headers.hpp"

namespace perilune::runtime {

class Vm;

enum class MessageKind : std::uint8_t { Request, Response };

/// Shared by its Lua handle, its header tables' handles and the operations that use it: each of
/// them may be collected first. All it holds is charged to the VM. VM's thread only.
class HttpMessage : public boost::intrusive_ref_counter<HttpMessage, boost::thread_unsafe_counter> {
 public:
  HttpMessage(Vm& vm, MessageKind what) noexcept : kind{what}, vm_{vm} {}
  HttpMessage(const HttpMessage&) = delete;
  HttpMessage& operator=(const HttpMessage&) = delete;
  ~HttpMessage();

  const MessageKind kind;
  std::string method{"GET"};
  std::string target{"/"};
  std::uint16_t status = 200;
  std::string reason;
  HeaderMap headers;
  HeaderMap trailers;

  [[nodiscard]] const std::string& body() const noexcept { return body_; }
  /// False if the VM has no memory for it; the body is unchanged then.
  [[nodiscard]] bool set_body(std::string_view text);
  [[nodiscard]] bool append_body(std::string_view text);
  void clear_body() noexcept { body_.clear(); }
  /// Charges what the message holds by now; false if the VM has no memory for it. After any change
  /// of strings and header tables.
  [[nodiscard]] bool account();
  /// Empties everything that a read fills.
  void clear_received() noexcept;

  /// Being read into: any access is refused.
  bool filling = false;
  /// How many sockets write from it: changes are refused.
  std::uint32_t senders = 0;

 private:
  [[nodiscard]] bool reserve(std::size_t body);

  Vm& vm_;
  std::string body_;
  std::size_t charged_ = 0;
};

using MessagePtr = boost::intrusive_ptr<HttpMessage>;

/// True if the request asks for "100 Continue" (exactly one `expect`).
[[nodiscard]] bool continue_required(const HttpMessage& request) noexcept;
/// True if the request offers an upgrade that its `connection` field names.
[[nodiscard]] bool upgrade_desired(const HttpMessage& request) noexcept;

}  // namespace perilune::runtime
