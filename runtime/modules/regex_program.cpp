#include "runtime/modules/regex_program.hpp"

#include <re2/re2.h>

#include <algorithm>

namespace perilune::runtime {
namespace {

re2::RE2::Options options_for(const RegexSyntax& syntax, std::size_t memory) {
  re2::RE2::Options options;
  options.set_encoding(re2::RE2::Options::EncodingLatin1);
  options.set_longest_match(syntax.grammar != RegexGrammar::Ecma);
  options.set_log_errors(false);
  options.set_max_mem(static_cast<std::int64_t>(memory));
  return options;
}

}  // namespace

RegexProgram::RegexProgram(const RegexTranslation& translation, RegexSyntax syntax,
                           std::size_t memory)
    : program_{std::make_unique<re2::RE2>(translation.text, options_for(syntax, memory))},
      syntax_{syntax},
      groups_{translation.groups},
      max_length_{translation.max_length},
      bytes_{translation.bytes},
      open_ended_{translation.open_ended},
      memory_{memory} {
  if (!program_->ok()) return;
  const auto instructions = static_cast<std::uint64_t>(std::max(program_->ProgramSize(), 1));
  const auto groups = static_cast<std::uint64_t>(groups_);
  // The simulation copies the groups of a thread whenever it splits.
  cost_ = instructions * (8 + groups) / 8;
  memory_ += instructions * (groups + 1) * 16 + translation.text.size() * 64 + 1024;
}

RegexProgram::~RegexProgram() = default;

bool RegexProgram::ok() const noexcept { return program_->ok(); }

std::size_t RegexProgram::call_limit(const RegexWork& work) const noexcept {
  return work.budget / cost_;
}

bool RegexProgram::call(std::string_view text, std::size_t from, std::size_t end, bool whole,
                        std::size_t count, Pieces& pieces) const {
  std::array<re2::StringPiece, kPieces> found;
  if (!program_->Match({text.data(), text.size()}, from, end,
                       whole ? re2::RE2::ANCHOR_BOTH : re2::RE2::UNANCHORED, found.data(),
                       static_cast<int>(count)))
    return false;
  for (std::size_t i = 0; i < count; ++i) {
    if (found[i].data() == nullptr) {
      pieces[i] = {};
      continue;
    }
    const auto begin = static_cast<std::size_t>(found[i].data() - text.data());
    pieces[i] = {begin, begin + found[i].size()};
  }
  return true;
}

RegexFound RegexProgram::search(std::string_view text, std::size_t from, bool with_groups,
                                Pieces& pieces, const RegexWork& work) const {
  if (text.data() == nullptr) text = "";  // RE2 tells a group that took no part by its null
  const std::size_t count = with_groups ? static_cast<std::size_t>(groups_) + 1 : 1;
  const std::size_t limit = call_limit(work);
  if (text.size() - from > limit) return search_parts(text, from, count, limit, pieces, work);
  return call(text, from, text.size(), false, count, pieces) ? RegexFound::Yes : RegexFound::No;
}

/// The last place in (from, end] where no match can go on: behind it is a byte that no match has.
std::size_t RegexProgram::cut(std::string_view text, std::size_t from,
                              std::size_t end) const noexcept {
  for (std::size_t at = end; at > from; --at) {
    if (!bytes_[static_cast<unsigned char>(text[at])]) return at;
  }
  return from;
}

RegexFound RegexProgram::search_parts(std::string_view text, std::size_t from, std::size_t count,
                                      std::size_t limit, Pieces& pieces,
                                      const RegexWork& work) const {
  while (text.size() - from > limit) {
    if (work.stop != nullptr && work.stop(work.context)) return RegexFound::Stopped;
    const std::size_t end = from + limit;
    const std::size_t clean = cut(text, from, end);
    if (clean > from || !bytes_[static_cast<unsigned char>(text[from])]) {
      if (call(text, from, clean, false, count, pieces)) return RegexFound::Yes;
      from = clean + 1;
      continue;
    }
    // What begins before `seen` was looked at whole.
    if (max_length_ >= limit / 2) return RegexFound::TooLong;
    const std::size_t seen = end - max_length_ + 1;
    if (call(text, from, end, false, count, pieces) && pieces[0].begin < seen)
      return RegexFound::Yes;
    from = seen;
  }
  return call(text, from, text.size(), false, count, pieces) ? RegexFound::Yes : RegexFound::No;
}

RegexFound RegexProgram::match(std::string_view text, Pieces& pieces, const RegexWork& work) const {
  if (text.data() == nullptr) text = "";
  if (text.size() > max_length_) return RegexFound::No;
  if (text.size() > call_limit(work)) {
    const auto strange = [this](char c) { return !bytes_[static_cast<unsigned char>(c)]; };
    return std::any_of(text.begin(), text.end(), strange) ? RegexFound::No : RegexFound::TooLong;
  }
  const auto count = static_cast<std::size_t>(groups_) + 1;
  return call(text, 0, text.size(), true, count, pieces) ? RegexFound::Yes : RegexFound::No;
}

std::size_t RegexProgram::resume_at(std::string_view text, std::size_t from) const noexcept {
  std::size_t at = from;
  if (max_length_ != RegexTranslation::kUnbounded && text.size() > max_length_)
    at = std::max(at, text.size() - max_length_ + 1);
  for (std::size_t i = text.size(); i > at; --i) {
    if (!bytes_[static_cast<unsigned char>(text[i - 1])]) return i;
  }
  return at;
}

}  // namespace perilune::runtime
