#include "sandbox/protocol.hpp"

#include <array>
#include <cstring>
#include <type_traits>

namespace perilune::sandbox {
namespace {

constexpr std::uint32_t kMagic = 0x504c4c31;

struct RequestBytes {
  std::uint32_t magic;
  std::uint32_t id;
  std::uint32_t slot;
  std::uint8_t kind;
  std::uint8_t jit;
  std::uint8_t throw_away;
  std::uint8_t links;
  std::uint64_t memory;
  std::int32_t pid;
  std::uint8_t threads;
  std::array<std::uint8_t, 3> zero;
};
static_assert(std::has_unique_object_representations_v<RequestBytes>);

struct EventBytes {
  std::uint32_t magic;
  std::uint32_t request;
  std::uint32_t slot;
  std::int32_t pid;
  std::int32_t status;
  std::int32_t error;
  std::uint32_t layers;
  std::uint16_t texts;  ///< how many follow: u16 length, bytes
  std::uint8_t kind;
  std::uint8_t level;
  std::uint8_t memory_killed;
  std::array<std::uint8_t, 3> zero;
};
static_assert(std::has_unique_object_representations_v<EventBytes>);

constexpr std::size_t kMaxText = 1000;

template <typename T>
std::optional<T> read_as(std::span<const std::byte> bytes) {
  if (bytes.size() < sizeof(T)) return std::nullopt;
  T value;
  std::memcpy(&value, bytes.data(), sizeof value);
  return value;
}

template <typename T>
std::vector<std::byte> bytes_of(const T& value) {
  std::vector<std::byte> out(sizeof value);
  std::memcpy(out.data(), &value, sizeof value);
  return out;
}

void append_text(std::vector<std::byte>& out, std::string_view text) {
  text = text.substr(0, kMaxText);
  const auto size = static_cast<std::uint16_t>(text.size());
  const auto* data = reinterpret_cast<const std::byte*>(text.data());
  out.push_back(static_cast<std::byte>(size & 0xffU));
  out.push_back(static_cast<std::byte>(size >> 8U));
  out.insert(out.end(), data, data + size);
}

/// Exactly `count` texts and nothing after them.
std::optional<std::vector<std::string>> read_texts(std::span<const std::byte> bytes,
                                                   std::size_t count) {
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < count; ++i) {
    if (bytes.size() < 2) return std::nullopt;
    const std::size_t size = static_cast<std::size_t>(bytes[0]) | static_cast<std::size_t>(bytes[1])
                                                                      << 8U;
    bytes = bytes.subspan(2);
    if (size > kMaxText || bytes.size() < size) return std::nullopt;
    texts.emplace_back(reinterpret_cast<const char*>(bytes.data()), size);
    bytes = bytes.subspan(size);
  }
  if (!bytes.empty()) return std::nullopt;
  return texts;
}

/// A finding is three texts: the layer's number and verdict, why, advice.
std::vector<std::string> texts_of(const LauncherEvent& event) {
  switch (event.kind) {
    case LauncherEvent::Kind::Spawned: return {event.spawned.memory_file};
    case LauncherEvent::Kind::SpawnFailed: return {event.failed.step, event.failed.detail};
    case LauncherEvent::Kind::Exited: return {};
    case LauncherEvent::Kind::Probed: break;
  }
  std::vector<std::string> texts;
  for (const LayerFinding& finding : event.findings) {
    texts.push_back({static_cast<char>(finding.layer), finding.works ? '\1' : '\0'});
    texts.push_back(finding.why.substr(0, 400));
    texts.push_back(finding.advice.substr(0, 400));
  }
  return texts;
}

bool read_findings(const std::vector<std::string>& texts, LauncherEvent& event) {
  if (texts.size() % 3 != 0 || texts.size() > 3 * kLayerCount) return false;
  for (std::size_t i = 0; i < texts.size(); i += 3) {
    const std::string& head = texts[i];
    if (head.size() != 2 || static_cast<unsigned char>(head[0]) >= kLayerCount) return false;
    if (static_cast<unsigned char>(head[1]) > 1) return false;
    event.findings.push_back(
        {static_cast<Layer>(head[0]), head[1] == '\1', texts[i + 1], texts[i + 2]});
  }
  return true;
}

bool read_kind(const EventBytes& head, const std::vector<std::string>& texts, std::size_t fds,
               LauncherEvent& event) {
  const bool spawned = event.kind == LauncherEvent::Kind::Spawned;
  if (spawned ? fds < 3 || fds > 2U + kMaxLinks : fds != 0) return false;
  switch (event.kind) {
    case LauncherEvent::Kind::Spawned:
      if (texts.size() != 1 || head.pid <= 0) return false;
      event.spawned.slot = head.slot;
      event.spawned.pid = head.pid;
      event.spawned.layers = Layers{head.layers};
      event.spawned.level = static_cast<Level>(head.level);
      event.spawned.memory_file = texts[0];
      return true;
    case LauncherEvent::Kind::SpawnFailed:
      if (texts.size() != 2) return false;
      event.failed = {texts[0], head.error, texts[1]};
      return true;
    case LauncherEvent::Kind::Exited:
      if (!texts.empty()) return false;
      event.exited = {head.slot, head.pid, head.status, head.memory_killed != 0};
      return true;
    case LauncherEvent::Kind::Probed: return read_findings(texts, event);
  }
  return false;
}

}  // namespace

std::string problem_with(const WorkerClass& worker) {
  if (worker.links < 1 || worker.links > kMaxLinks) return "links must be 1 to 16";
  if (worker.threads < 1 || worker.threads > kMaxThreads) return "threads must be 1 to 64";
  if (worker.memory < kMinMemory || worker.memory > kMaxMemory) {
    return "memory must be 8 MiB to 64 GiB";
  }
  return {};
}

std::vector<std::byte> encode(const Request& request) {
  RequestBytes bytes{};
  bytes.magic = kMagic;
  bytes.id = request.id;
  bytes.slot = request.slot;
  bytes.pid = request.pid;
  bytes.kind = static_cast<std::uint8_t>(request.kind);
  bytes.jit = request.worker.jit ? 1 : 0;
  bytes.throw_away = request.worker.throw_away ? 1 : 0;
  bytes.links = request.worker.links;
  bytes.threads = request.worker.threads;
  bytes.memory = request.worker.memory.count;
  return bytes_of(bytes);
}

std::optional<Request> decode_request(std::span<const std::byte> datagram) {
  const auto bytes = read_as<RequestBytes>(datagram);
  if (!bytes || datagram.size() != sizeof(RequestBytes) || bytes->magic != kMagic) return {};
  if (bytes->kind < 1 || bytes->kind > 3 || bytes->jit > 1 || bytes->throw_away > 1) return {};
  for (const std::uint8_t zero : bytes->zero) {
    if (zero != 0) return {};
  }
  Request request;
  request.kind = static_cast<Request::Kind>(bytes->kind);
  request.id = bytes->id;
  request.slot = bytes->slot;
  request.pid = bytes->pid;
  if (request.kind == Request::Kind::Kill ? request.pid <= 0 : request.pid != 0) return {};
  request.worker = {bytes->jit != 0, bytes->throw_away != 0, bytes->links, bytes->threads,
                    Bytes{bytes->memory}};
  return request;
}

std::vector<std::byte> encode(const LauncherEvent& event) {
  EventBytes head{};
  head.magic = kMagic;
  head.request = event.request;
  head.kind = static_cast<std::uint8_t>(event.kind);
  head.error = event.failed.error;
  head.layers = event.spawned.layers.bits();
  head.level = static_cast<std::uint8_t>(event.spawned.level);
  const bool exited = event.kind == LauncherEvent::Kind::Exited;
  head.slot = exited ? event.exited.slot : event.spawned.slot;
  head.pid = exited ? event.exited.pid : event.spawned.pid;
  head.status = event.exited.status;
  head.memory_killed = event.exited.memory_killed ? 1 : 0;
  const std::vector<std::string> texts = texts_of(event);
  head.texts = static_cast<std::uint16_t>(texts.size());
  std::vector<std::byte> out = bytes_of(head);
  for (const std::string& text : texts) append_text(out, text);
  return out;
}

std::optional<LauncherEvent> decode_event(std::span<const std::byte> datagram, std::size_t fds) {
  const auto head = read_as<EventBytes>(datagram);
  if (!head || head->magic != kMagic) return std::nullopt;
  if (head->kind > static_cast<std::uint8_t>(LauncherEvent::Kind::Probed) ||
      head->level > static_cast<std::uint8_t>(Level::Full) || head->memory_killed > 1 ||
      (head->layers >> kLayerCount) != 0 || head->zero != std::array<std::uint8_t, 3>{}) {
    return std::nullopt;
  }
  const auto texts = read_texts(datagram.subspan(sizeof(EventBytes)), head->texts);
  LauncherEvent event;
  event.kind = static_cast<LauncherEvent::Kind>(head->kind);
  event.request = head->request;
  if (!texts || !read_kind(*head, *texts, fds, event)) return std::nullopt;
  return event;
}

}  // namespace perilune::sandbox
