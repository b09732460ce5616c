#include <charconv>

#include "api/auth/secret.hpp"
#include "api/rest/render.hpp"

namespace perilune::api {
namespace {

constexpr std::size_t kMostItems = 1000;
constexpr std::string_view kMark = "c1";  // of this form of cursor

std::string encode_cursor(std::string_view key) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text{kMark};
  for (const char c : key) {
    text += kDigits[static_cast<unsigned char>(c) >> 4U];
    text += kDigits[static_cast<unsigned char>(c) & 15U];
  }
  return text;
}

std::optional<std::string> decode_cursor(std::string_view text) {
  if (text.substr(0, kMark.size()) != kMark) return std::nullopt;
  text.remove_prefix(kMark.size());
  if (text.size() % 2 != 0 || text.size() > 256 || !is_hex(text)) return std::nullopt;
  std::string key;
  for (std::size_t i = 0; i < text.size(); i += 2) {
    unsigned byte = 0;
    std::from_chars(text.data() + i, text.data() + i + 2, byte, 16);
    key += static_cast<char>(byte);
  }
  return key;
}

template <typename Number>
bool whole(std::string_view text, Number& number) {
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, number);
  return error == std::errc{} && rest == end;
}

}  // namespace

Checked<PageRequest> page_request(const Call& call, bool numbered) {
  PageRequest asked;
  if (call.target.has("limit") &&
      (!whole(call.query("limit"), asked.limit) || asked.limit < 1 || asked.limit > kMostItems))
    return Problem{"invalid_query", "limit is a number from 1 to 1000"};
  if (!call.target.has("cursor") || call.query("cursor").empty()) return asked;
  const auto key = decode_cursor(call.query("cursor"));
  if (!key || (numbered && !whole(*key, asked.number)))
    return Problem{"invalid_query", "cursor is not one that this list gave out"};
  asked.cursor = *key;
  return asked;
}

Response page(const Call& call, json::array items, std::string_view next) {
  json::object body{{"items", std::move(items)}, {"next_cursor", nullptr}};
  if (next.empty()) return answer(200, body);
  const std::string cursor = encode_cursor(next);
  body["next_cursor"] = cursor;
  std::string link = "<" + call.target.path + "?";
  for (const auto& [name, value] : call.target.query) {
    if (name != "cursor") link += percent_encode(name) + "=" + percent_encode(value) + "&";
  }
  Response response = answer(200, body);
  response.with("link", link + "cursor=" + cursor + ">; rel=\"next\"");
  return response;
}

}  // namespace perilune::api
