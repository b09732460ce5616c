#include "runtime/modules/json_reader.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <cstring>

#include "runtime/modules/json_utf8.hpp"

namespace perilune::runtime {
namespace {

bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

char* put_utf8(unsigned code, char* to) noexcept {
  const auto put = [&to](unsigned byte) { *to++ = static_cast<char>(byte); };
  if (code < 0x80) {
    put(code);
  } else if (code < 0x800) {
    put(0xC0 | (code >> 6U));
    put(0x80 | (code & 0x3FU));
  } else if (code < 0x10000) {
    put(0xE0 | (code >> 12U));
    put(0x80 | ((code >> 6U) & 0x3FU));
    put(0x80 | (code & 0x3FU));
  } else {
    put(0xF0 | (code >> 18U));
    put(0x80 | ((code >> 12U) & 0x3FU));
    put(0x80 | ((code >> 6U) & 0x3FU));
    put(0x80 | (code & 0x3FU));
  }
  return to;
}

}  // namespace

bool JsonReader::more(const char* at) {
  if (at == end_) return false;
  if (poll_.ask(poll_.context)) {
    stopped_ = true;
    return false;
  }
  open_window(at);
  return true;
}

bool JsonReader::expected(const char* at, const char* what) noexcept {
  at_ = at;
  problem_ = what;
  expects_ = true;
  return false;
}

bool JsonReader::wrong(const char* at, const char* what) noexcept {
  at_ = at;
  problem_ = what;
  expects_ = false;
  return false;
}

bool JsonReader::read_string(std::string_view& raw, bool& escaped) {
  const char* const first = at_ + 1;
  const char* at = first;
  escaped = false;
  for (;;) {
    if (at < limit_) at = skip_plain(at, limit_);
    if (at >= limit_) {
      if (!more(at)) return expected(at, "'\"'");
      continue;
    }
    const auto c = static_cast<unsigned char>(*at);
    if (c == '"') break;
    if (c == '\\') {
      escaped = true;
      if (end_ - at < 2) return expected(end_, "an escape sequence");
      at += 2;  // whatever it is, `unescape` looks at it
    } else if (c < 0x20) {
      return wrong(at, "a control character in a string must be escaped");
    } else {
      const int size = utf8_sequence(at, end_);
      if (size == 0) return wrong(at, "a string must be UTF-8");
      at += size;
    }
    // An escape or a sequence may reach over the window's end.
    if (at > limit_) limit_ = at;
  }
  raw = {first, static_cast<std::size_t>(at - first)};
  at_ = at + 1;
  return true;
}

bool JsonReader::code_unit(const char* from, const char* end, unsigned& unit) {
  if (end - from < 6 || from[1] != 'u')
    return wrong(from, "\\u must be followed by four hexadecimal digits");
  const auto [stop, error] = std::from_chars(from + 2, from + 6, unit, 16);
  if (error != std::errc{} || stop != from + 6)
    return wrong(from, "\\u must be followed by four hexadecimal digits");
  return true;
}

bool JsonReader::escape(const char*& from, const char* end, char*& to) {
  switch (from[1]) {
    case '"': *to++ = '"'; break;
    case '\\': *to++ = '\\'; break;
    case '/': *to++ = '/'; break;
    case 'b': *to++ = '\b'; break;
    case 'f': *to++ = '\f'; break;
    case 'n': *to++ = '\n'; break;
    case 'r': *to++ = '\r'; break;
    case 't': *to++ = '\t'; break;
    case 'u': {
      unsigned code = 0;
      if (!code_unit(from, end, code)) return false;
      if (code >= 0xD800 && code <= 0xDFFF) {
        unsigned low = 0;
        if (code >= 0xDC00 || end - from < 12 || from[6] != '\\' || from[7] != 'u')
          return wrong(from, "half of a surrogate pair");
        if (!code_unit(from + 6, end, low)) return false;
        if (low < 0xDC00 || low > 0xDFFF) return wrong(from, "half of a surrogate pair");
        code = 0x10000 + ((code - 0xD800) << 10U) + (low - 0xDC00);
        from += 6;
      }
      to = put_utf8(code, to);
      from += 6;
      return true;
    }
    default: return wrong(from, "no such escape sequence");
  }
  from += 2;
  return true;
}

std::ptrdiff_t JsonReader::unescape(std::string_view raw, char* to) {
  const char* from = raw.data();
  const char* const end = from + raw.size();
  const char* poll_at = from + kWindow;
  char* out = to;
  while (from < end) {
    const void* found = std::memchr(from, '\\', static_cast<std::size_t>(end - from));
    const char* stop = found != nullptr ? static_cast<const char*>(found) : end;
    std::memcpy(out, from, static_cast<std::size_t>(stop - from));
    out += stop - from;
    from = stop;
    if (from == end) break;
    if (!escape(from, end, out)) return -1;
    if (from < poll_at) continue;
    poll_at = from + kWindow;
    if (poll_.ask(poll_.context)) {
      stopped_ = true;
      return -1;
    }
  }
  return out - to;
}

/// At least one digit.
bool JsonReader::digits(const char*& at) {
  const char* const first = at;
  const char* const most =
      static_cast<std::size_t>(end_ - at) > kLongestNumber ? at + kLongestNumber : end_;
  while (at < most && is_digit(*at)) ++at;
  return at > first || expected(at, "a digit");
}

bool JsonReader::read_number(double& value) {
  const char* const first = at_;
  const char* at = at_;
  const bool negative = *at == '-';
  if (negative) ++at;
  const char* const integer = at;
  if (at < end_ && *at == '0') {
    ++at;
    if (at < end_ && is_digit(*at)) return wrong(at, "a number must not begin with 0");
  } else if (!digits(at)) {
    return false;
  }
  const bool fraction = at < end_ && *at == '.';
  if (!fraction && (at == end_ || (*at != 'e' && *at != 'E')) && at - integer <= 15) {
    std::uint64_t number = 0;
    for (const char* digit = integer; digit < at; ++digit)
      number = number * 10 + static_cast<std::uint64_t>(*digit - '0');
    value = negative ? -static_cast<double>(number) : static_cast<double>(number);
    at_ = at;
    return true;
  }
  if (fraction && !digits(++at)) return false;
  if (at < end_ && (*at == 'e' || *at == 'E')) {
    ++at;
    if (at < end_ && (*at == '+' || *at == '-')) ++at;
    if (!digits(at)) return false;
  }
  const std::string_view text{first, static_cast<std::size_t>(at - first)};
  if (text.size() > kLongestNumber) return wrong(first, "a number of more than 1024 bytes");
  if (!convert(text, value)) {
    out_of_range_ = true;
    return wrong(first, "a number beyond what a double can hold");
  }
  at_ = at;
  return true;
}

bool JsonReader::convert(std::string_view text, double& value) {
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc{}) return true;
  // Too large or too small: from_chars does not say which.
  std::array<char, kLongestNumber + 1> copy{};
  std::memcpy(copy.data(), text.data(), text.size());
  value = std::strtod(copy.data(), nullptr);
  return std::isfinite(value);
}

bool JsonReader::read_literal(std::string_view word) {
  const auto left = static_cast<std::size_t>(end_ - at_);
  for (std::size_t i = 0; i < word.size(); ++i) {
    if (i >= left || at_[i] != word[i]) return expected(at_ + i, "true, false or null");
  }
  at_ += word.size();
  return true;
}

}  // namespace perilune::runtime
