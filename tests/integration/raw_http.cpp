#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cstring>
#include <optional>

#include "runtime/base/unique_fd.hpp"
#include "tests/integration/test_host.hpp"

namespace perilune::test {
namespace {

UniqueFd connect_to(std::uint16_t port, std::chrono::seconds patience) {
  UniqueFd socket{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  const timeval time{.tv_sec = patience.count(), .tv_usec = 0};
  (void)::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    socket.reset();
  return socket;
}

std::string read_all(int socket) {
  std::string text;
  std::array<char, 16384> piece{};
  while (true) {
    const auto n = ::recv(socket, piece.data(), piece.size(), 0);
    if (n <= 0) return text;
    text.append(piece.data(), static_cast<std::size_t>(n));
  }
}

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

std::string dechunk(std::string_view text) {
  std::string body;
  while (true) {
    std::size_t size = 0;
    const auto line = text.find("\r\n");
    if (line == std::string_view::npos) return body;
    std::from_chars(text.data(), text.data() + line, size, 16);
    text.remove_prefix(line + 2);
    if (size == 0 || size > text.size()) return body;
    body += text.substr(0, size);
    text.remove_prefix(std::min(size + 2, text.size()));
  }
}

/// The final response of `text`: 1xx heads before it are skipped.
Reply parse(std::string_view text) {
  Reply reply;
  while (true) {
    const auto end = text.find("\r\n\r\n");
    if (end == std::string_view::npos || !text.starts_with("HTTP/1.1 ")) return {};
    std::string_view head = text.substr(0, end);
    text.remove_prefix(end + 4);
    std::from_chars(head.data() + 9, head.data() + 12, reply.status);
    if (reply.status >= 100 && reply.status < 200) continue;
    while (true) {
      const auto line_end = head.find("\r\n");
      if (line_end == std::string_view::npos) break;
      head.remove_prefix(line_end + 2);
      const std::string_view line = head.substr(0, head.find("\r\n"));
      const auto colon = line.find(':');
      if (colon == std::string_view::npos) continue;
      std::string_view value = line.substr(colon + 1);
      while (value.starts_with(' ')) value.remove_prefix(1);
      reply.headers[lower(std::string{line.substr(0, colon)})] = value;
    }
    const bool chunked = reply.headers["transfer-encoding"] == "chunked";
    reply.body = chunked ? dechunk(text) : std::string{text};
    return reply;
  }
}

}  // namespace

boost::json::value Reply::json() const {
  boost::system::error_code error;
  return boost::json::parse(body, error);
}

Reply ask(std::uint16_t port, const std::string& method, const std::string& target,
          const std::map<std::string, std::string>& headers, const std::string& body,
          std::chrono::seconds patience) {
  const UniqueFd socket = connect_to(port, patience);
  if (!socket) return {};
  std::string text = method + " " + target + " HTTP/1.1\r\nConnection: close\r\n";
  if (!headers.contains("Host")) text += "Host: 127.0.0.1\r\n";
  for (const auto& [name, value] : headers) text += name + ": " + value + "\r\n";
  if (!body.empty() || method == "POST" || method == "PUT")
    text += "Content-Length: " + std::to_string(body.size()) + "\r\n";
  text += "\r\n" + body;
  std::string_view rest{text};
  while (!rest.empty()) {
    const auto sent = ::send(socket.get(), rest.data(), rest.size(), MSG_NOSIGNAL);
    if (sent <= 0) break;  // refused early: the answer is there to read
    rest.remove_prefix(static_cast<std::size_t>(sent));
  }
  return parse(read_all(socket.get()));
}

}  // namespace perilune::test
