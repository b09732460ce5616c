#include "api/rest/target.hpp"

namespace perilune::api {
namespace {

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool is_control(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte < 0x20 || byte == 0x7F;
}

/// Calls `take(piece)` for each piece between `separator`s until one returns false.
template <typename Take>
bool split(std::string_view text, char separator, Take take) {
  for (;;) {
    const std::size_t at = text.find(separator);
    if (!take(text.substr(0, at))) return false;
    if (at == std::string_view::npos) return true;
    text.remove_prefix(at + 1);
  }
}

}  // namespace

std::optional<std::string> percent_decode(std::string_view text, bool plus) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '%') {
      const int high = text.size() - i > 2 ? hex_value(text[i + 1]) : -1;
      const int low = text.size() - i > 2 ? hex_value(text[i + 2]) : -1;
      if (high < 0 || low < 0) return std::nullopt;
      c = static_cast<char>(high * 16 + low);
      i += 2;
    } else if (c == '+' && plus) {
      c = ' ';
    }
    if (is_control(c)) return std::nullopt;
    out += c;
  }
  return out;
}

std::string percent_encode(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '.' || c == '_' || c == '~';
    if (plain) {
      out += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out += '%';
    out += kDigits[byte >> 4U];
    out += kDigits[byte & 15U];
  }
  return out;
}

std::optional<Target> Target::parse(std::string_view target) {
  Target result;
  const std::size_t question = target.find('?');
  result.path = target.substr(0, question);
  if (result.path.empty() || result.path.front() != '/') return std::nullopt;
  const bool path_ok = split(std::string_view{result.path}.substr(1), '/', [&](auto piece) {
    auto decoded = percent_decode(piece, false);
    if (decoded) result.segments.push_back(std::move(*decoded));
    return decoded.has_value();
  });
  if (!path_ok) return std::nullopt;
  if (question == std::string_view::npos) return result;
  const bool query_ok = split(target.substr(question + 1), '&', [&](std::string_view piece) {
    if (piece.empty()) return true;
    const std::size_t equals = piece.find('=');
    auto name = percent_decode(piece.substr(0, equals), true);
    auto value = equals == std::string_view::npos ? std::optional<std::string>{std::string{}}
                                                  : percent_decode(piece.substr(equals + 1), true);
    return name && value && result.query.emplace(std::move(*name), std::move(*value)).second;
  });
  if (!query_ok) return std::nullopt;
  return result;
}

std::string_view Target::parameter(const std::string& name) const {
  const auto found = query.find(name);
  return found == query.end() ? std::string_view{} : std::string_view{found->second};
}

}  // namespace perilune::api
