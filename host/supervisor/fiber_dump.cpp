#include "host/supervisor/fiber_dump.hpp"

#include <boost/json.hpp>
#include <cmath>
#include <utility>

namespace perilune::host {
namespace {

namespace json = boost::json;

constexpr std::size_t kDeepest = 5;  // dump, fibers, fiber, traceback, frame
constexpr std::size_t kLongest = 1024;
constexpr std::size_t kMostFrames = 64;

/// Reads members of one object; wrong types are remembered.
class Members {
 public:
  explicit Members(const json::object& object) : object_{object} {}

  void read(const char* name, std::string& into) {
    const json::value* found = object_.if_contains(name);
    if (found == nullptr) return;
    if (!found->is_string()) return fail();
    into = text(found->get_string());
  }
  void read(const char* name, bool& into) {
    const json::value* found = object_.if_contains(name);
    if (found == nullptr) return;
    if (!found->is_bool()) return fail();
    into = found->get_bool();
  }
  void read(const char* name, std::optional<double>& into) {
    const json::value* found = object_.if_contains(name);
    if (found == nullptr) return;
    if (!found->is_number()) return fail();
    const auto number = found->to_number<double>();
    if (!std::isfinite(number) || number < 0) return fail();
    into = number;
  }
  void read(const char* name, std::vector<std::string>& into) {
    const json::value* found = object_.if_contains(name);
    if (found == nullptr) return;
    if (!found->is_array() || found->get_array().size() > kMostFrames) return fail();
    for (const json::value& one : found->get_array()) {
      if (!one.is_string()) return fail();
      into.push_back(text(one.get_string()));
    }
  }
  void require(bool condition) {
    if (!condition) fail();
  }
  [[nodiscard]] bool good() const noexcept { return good_; }

 private:
  void fail() { good_ = false; }
  /// The parser has seen to it that it is UTF-8.
  static std::string text(const json::string& from) {
    std::size_t end = std::min(from.size(), kLongest);
    while (end > 0 && end < from.size() && (static_cast<unsigned char>(from[end]) & 0xC0U) == 0x80)
      --end;
    return std::string{from.data(), end};
  }

  const json::object& object_;
  bool good_ = true;
};

std::optional<api::FiberRow> read_fiber(const json::value& value) {
  if (!value.is_object()) return std::nullopt;
  Members members{value.get_object()};
  api::FiberRow row;
  members.read("id", row.id);
  members.read("state", row.state);
  members.read("main", row.main);
  members.read("detached", row.detached);
  members.read("interrupted", row.interrupted);
  members.read("waits_for_fibers", row.waits_for_fibers);
  members.read("operation", row.operation);
  members.read("resource", row.resource);
  members.read("holder", row.holder);
  members.read("where", row.where);
  members.read("request_id", row.request_id);
  members.read("age_ms", row.age_ms);
  members.read("invocation_cpu_ms", row.invocation_cpu_ms);
  members.read("traceback", row.traceback);
  members.require(!row.id.empty() && !row.state.empty());
  return members.good() ? std::optional{std::move(row)} : std::nullopt;
}

}  // namespace

std::optional<api::FiberDump> read_fibers(std::string_view text) {
  api::FiberDump dump;
  if (text.empty()) return dump;
  json::parse_options options;
  options.max_depth = kDeepest;
  json::error_code error;
  const json::value value =
      json::parse(json::string_view{text.data(), text.size()}, error, {}, options);
  if (error || !value.is_object()) return std::nullopt;
  const json::value* total = value.get_object().if_contains("total");
  const json::value* fibers = value.get_object().if_contains("fibers");
  if (total == nullptr || !total->is_int64() || total->get_int64() < 0) return std::nullopt;
  if (fibers == nullptr || !fibers->is_array()) return std::nullopt;
  dump.total = static_cast<std::uint64_t>(total->get_int64());
  if (fibers->get_array().size() > dump.total) return std::nullopt;
  for (const json::value& one : fibers->get_array()) {
    auto row = read_fiber(one);
    if (!row) return std::nullopt;
    dump.fibers.push_back(std::move(*row));
  }
  return dump;
}

}  // namespace perilune::host
