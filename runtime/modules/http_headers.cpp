#include "runtime/modules/http_headers.hpp"

#include <algorithm>
#include <array>

namespace perilune::runtime {
namespace {

constexpr std::size_t kLineOverhead = 4;  // ": " and CR LF

constexpr char lower(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

constexpr std::array<bool, 256> make_token_table() {
  std::array<bool, 256> table{};
  for (unsigned char c = '0'; c <= '9'; ++c) table[c] = true;
  for (unsigned char c = 'a'; c <= 'z'; ++c) table[c] = true;
  for (unsigned char c = 'A'; c <= 'Z'; ++c) table[c] = true;
  for (const char c : std::string_view{"!#$%&'*+-.^_`|~"})
    table[static_cast<unsigned char>(c)] = true;
  return table;
}
constexpr auto kToken = make_token_table();

}  // namespace

HeaderMap::Field HeaderMap::operator[](std::size_t index) const noexcept {
  const Slot& slot = slots_[index];
  const std::string_view text{text_};
  return {text.substr(slot.begin, slot.name), text.substr(slot.begin + slot.name, slot.value)};
}

void HeaderMap::clear() noexcept {
  text_.clear();
  slots_.clear();
  wire_bytes_ = live_bytes_ = 0;
}

void HeaderMap::add(std::string_view name, std::string_view value) {
  slots_.push_back({static_cast<std::uint32_t>(text_.size()),
                    static_cast<std::uint32_t>(name.size()),
                    static_cast<std::uint32_t>(value.size())});
  text_.append(name).append(value);
  live_bytes_ += name.size() + value.size();
  wire_bytes_ += name.size() + value.size() + kLineOverhead;
}

void HeaderMap::add_received(std::string_view name, std::string_view value) {
  add(name, value);
  const auto begin = text_.begin() + slots_.back().begin;
  std::transform(begin, begin + slots_.back().name, begin, lower);
}

std::size_t HeaderMap::remove(std::string_view name) {
  const auto gone = std::remove_if(slots_.begin(), slots_.end(), [&](const Slot& slot) {
    const bool same = equal_names(std::string_view{text_}.substr(slot.begin, slot.name), name);
    if (same) {
      live_bytes_ -= slot.name + slot.value;
      wire_bytes_ -= slot.name + slot.value + kLineOverhead;
    }
    return same;
  });
  const auto count = static_cast<std::size_t>(slots_.end() - gone);
  slots_.erase(gone, slots_.end());
  if (text_.size() > 1024 && text_.size() > 2 * live_bytes_) compact();
  return count;
}

void HeaderMap::compact() {
  std::string text;
  text.reserve(live_bytes_);
  for (Slot& slot : slots_) {
    const auto begin = static_cast<std::uint32_t>(text.size());
    text.append(text_, slot.begin, slot.name + slot.value);
    slot.begin = begin;
  }
  text_ = std::move(text);
}

std::size_t HeaderMap::find(std::string_view name, std::size_t from) const noexcept {
  for (std::size_t i = from; i < slots_.size(); ++i) {
    if (slots_[i].name == name.size() && equal_names((*this)[i].name, name)) return i;
  }
  return slots_.size();
}

bool HeaderMap::lists(std::string_view name, std::string_view token) const noexcept {
  for (std::size_t i = find(name); i < size(); i = find(name, i + 1)) {
    std::string_view rest = (*this)[i].value;
    while (!rest.empty()) {
      const auto comma = rest.find(',');
      if (equal_names(trimmed(rest.substr(0, comma)), token)) return true;
      rest = comma == std::string_view::npos ? std::string_view{} : rest.substr(comma + 1);
    }
  }
  return false;
}

bool equal_names(std::string_view a, std::string_view b) noexcept {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(),
                                            [](char x, char y) { return lower(x) == lower(y); });
}

bool is_token(std::string_view text) noexcept {
  return !text.empty() && std::all_of(text.begin(), text.end(),
                                      [](char c) { return kToken[static_cast<unsigned char>(c)]; });
}

bool is_field_value(std::string_view text) noexcept {
  return std::all_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte >= 0x20 && byte != 0x7f) || byte == '\t';
  });
}

bool is_target(std::string_view text) noexcept {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte > 0x20 && byte != 0x7f;
  });
}

std::string_view trimmed(std::string_view text) noexcept {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

}  // namespace perilune::runtime
