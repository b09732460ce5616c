#include "runtime/modules/http_message.hpp"

#include <algorithm>

#include "runtime/vm/vm.hpp"

namespace perilune::runtime {

HttpMessage::~HttpMessage() {
  if (charged_ > 0) vm_.release_memory(charged_);
}

bool HttpMessage::account() {
  const std::size_t held = sizeof(*this) + body_.capacity() + method.capacity() +
                           target.capacity() + reason.capacity() + headers.held_bytes() +
                           trailers.held_bytes();
  if (held <= charged_) return true;
  if (!vm_.charge_memory(held - charged_)) return false;
  charged_ = held;
  return true;
}

bool HttpMessage::reserve(std::size_t body) {
  if (body <= body_.capacity()) return true;
  // Charged before it is allocated, and grown by half so that many small appends are few charges.
  const std::size_t wanted = std::max(body, body_.capacity() + body_.capacity() / 2);
  const std::size_t more = wanted - body_.capacity();
  if (!vm_.charge_memory(more)) return false;
  charged_ += more;
  body_.reserve(wanted);
  return true;
}

bool HttpMessage::set_body(std::string_view text) {
  if (!reserve(text.size())) return false;
  body_.assign(text);
  return true;
}

bool HttpMessage::append_body(std::string_view text) {
  if (!reserve(body_.size() + text.size())) return false;
  body_.append(text);
  return true;
}

void HttpMessage::clear_received() noexcept {
  method.clear();
  target.clear();
  reason.clear();
  headers.clear();
  trailers.clear();
  body_.clear();
}

bool continue_required(const HttpMessage& request) noexcept {
  const auto first = request.headers.find("expect");
  return first < request.headers.size() &&
         equal_names(request.headers[first].value, "100-continue") &&
         request.headers.find("expect", first + 1) == request.headers.size();
}

bool upgrade_desired(const HttpMessage& request) noexcept {
  return request.headers.contains("upgrade") && request.headers.lists("connection", "upgrade");
}

}  // namespace perilune::runtime
