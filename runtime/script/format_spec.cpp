#include "runtime/script/format_spec.hpp"

namespace perilune::runtime {
namespace {

constexpr unsigned kTooBig = 1'000'000;

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_align(char c) { return c == '<' || c == '>' || c == '^'; }

/// Reads forward; at the end `peek` is 0, which no format means anything by.
class Reader {
 public:
  Reader(std::string_view text, std::size_t at) : text_{text}, at_{at} {}

  [[nodiscard]] char peek(std::size_t ahead = 0) const {
    return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0';
  }
  [[nodiscard]] bool at_end() const { return at_ >= text_.size(); }
  [[nodiscard]] std::size_t at() const { return at_; }
  bool take(char c) {
    if (at_end() || peek() != c) return false;
    ++at_;
    return true;
  }
  std::string_view take_bytes(std::size_t count) {
    const std::string_view bytes = text_.substr(at_, count);
    at_ += bytes.size();
    return bytes;
  }
  /// Digits; what is too big is just that.
  unsigned take_number() {
    unsigned number = 0;
    for (; is_digit(peek()); ++at_) {
      if (number < kTooBig) number = number * 10 + static_cast<unsigned>(peek() - '0');
    }
    return number;
  }
  std::string_view take_name() {
    const std::size_t begin = at_;
    while (is_letter(peek()) || is_digit(peek())) ++at_;
    return text_.substr(begin, at_ - begin);
  }

 private:
  std::string_view text_;
  std::size_t at_;
};

FieldId read_id(Reader& in) {
  FieldId id;
  id.at = in.at() - 1;
  if (is_digit(in.peek())) {
    id.kind = FieldId::Kind::Position;
    if (!in.take('0')) id.position = in.take_number();
  } else if (is_letter(in.peek())) {
    id.kind = FieldId::Kind::Name;
    id.name = in.take_name();
  } else {
    id.kind = FieldId::Kind::Next;
  }
  return id;
}

/// Bytes of the UTF-8 sequence that begins here; 0 if none does.
std::size_t code_point_size(const Reader& in) {
  const auto lead = static_cast<unsigned char>(in.peek());
  std::size_t size = 1;
  if (lead >= 0x80) size = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : lead >= 0xC2 ? 2 : 0;
  if (lead > 0xF4) size = 0;
  for (std::size_t i = 1; i < size; ++i) {
    if ((static_cast<unsigned char>(in.peek(i)) & 0xC0U) != 0x80) return 0;
  }
  return size;
}

FormatFault read_align(Reader& in, FieldSpec& field) {
  const std::size_t size = code_point_size(in);
  if (size == 0) return {"the fill is not UTF-8", in.at()};
  if (is_align(in.peek(size)) && !in.at_end()) {
    if (in.peek() == '{') return {"'{' cannot be the fill", in.at()};
    field.fill = in.take_bytes(size);
  }
  if (is_align(in.peek())) field.align = in.take_bytes(1).front();
  return {};
}

/// A number, or another field's argument in braces.
FormatFault read_number(Reader& in, FieldNumber& number, const char* too_big) {
  const std::size_t begin = in.at();
  if (is_digit(in.peek())) {
    number.given = true;
    number.value = in.take_number();
    if (number.value > kMaxFormatWidth) return {too_big, begin};
  } else if (in.take('{')) {
    number.given = true;
    number.from = read_id(in);
    if (!in.take('}')) return {"'}' expected", in.at()};
  }
  return {};
}

FormatFault read_spec(Reader& in, FieldSpec& field) {
  if (FormatFault fault = read_align(in, field); fault.what != nullptr) return fault;
  if (in.peek() == '+' || in.peek() == '-' || in.peek() == ' ')
    field.sign = in.take_bytes(1).front();
  field.alternate = in.take('#');
  field.zero = in.take('0');
  FormatFault fault = read_number(in, field.width, "width over 4096");
  if (fault.what != nullptr) return fault;
  if (in.take('.')) {
    fault = read_number(in, field.precision, "precision over 4096");
    if (fault.what != nullptr) return fault;
    if (!field.precision.given) return {"precision expected", in.at()};
  }
  (void)in.take('L');  // the locale is always "C"
  field.type_at = in.at();
  if (!in.at_end() && in.peek() != '}') field.type = in.take_bytes(1).front();
  return {};
}

}  // namespace

FormatFault read_field(std::string_view format, std::size_t& at, FieldSpec& field) {
  Reader in{format, at};
  field.id = read_id(in);
  if (in.take(':')) {
    if (const FormatFault fault = read_spec(in, field); fault.what != nullptr) return fault;
  }
  if (in.at_end()) return {"'}' expected", in.at()};
  if (!in.take('}')) return {"unexpected character in a field", in.at()};
  at = in.at();
  return {};
}

}  // namespace perilune::runtime
