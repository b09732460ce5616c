#include "runtime/link/messages.hpp"

#include "runtime/link/frame.hpp"
#include "runtime/link/wire.hpp"

namespace perilune::link {
namespace {

void put_headers(Writer& writer, const std::vector<Header>& headers) {
  writer.put(static_cast<std::uint16_t>(headers.size()));
  for (const Header& header : headers) {
    writer.text(header.name);
    writer.text(header.value);
  }
}

void get_headers(Reader& reader, std::vector<Header>& headers, std::size_t most) {
  const std::size_t count = reader.get<std::uint16_t>();
  reader.require(count <= most);
  headers.clear();
  for (std::size_t i = 0; i < count && reader.good(); ++i) {
    const std::string_view name = reader.text();
    headers.push_back({name, reader.text()});
  }
}

template <typename T>
std::optional<T> if_done(const Reader& reader, T&& value) {
  if (!reader.done()) return std::nullopt;
  return std::forward<T>(value);
}

template <typename Enum>
std::uint8_t byte_of(Enum value) noexcept {
  return static_cast<std::uint8_t>(value);
}

constexpr std::uint8_t kRequestFlags = RequestHead::kHasBody | RequestHead::kExpectContinue |
                                       RequestHead::kHead | RequestHead::kNoStream |
                                       RequestHead::kUpgrade;

}  // namespace

void Configure::encode(Bytes_& out) const {
  Writer w{out};
  w.put(byte_of(job));
  w.put(byte_of(packing));
  w.put(static_cast<std::uint8_t>(jit));
  w.put(seed_low);
  w.put(seed_high);
  w.put(static_cast<std::uint64_t>(wall_offset_ns));
  w.put(static_cast<std::uint8_t>(kLimitCount));
  for (const LimitSpec& row : limit_specs()) w.put(limits.raw(row.limit));
  w.text(tenant);
  w.text(app);
  w.text(version);
  w.text(entry);
  w.put(http_port);
  put_headers(w, env);
}

std::optional<Configure> Configure::decode(View payload) {
  Reader r{payload};
  Configure c;
  c.job = r.enumerator(Job::Check);
  c.packing = r.enumerator(Packing::Zip);
  c.jit = r.boolean();
  c.seed_low = r.get<std::uint64_t>();
  c.seed_high = r.get<std::uint64_t>();
  c.wall_offset_ns = static_cast<std::int64_t>(r.get<std::uint64_t>());
  r.require(r.get<std::uint8_t>() == kLimitCount);
  for (const LimitSpec& row : limit_specs()) c.limits.set(row.limit, r.get<std::uint64_t>());
  c.tenant = r.text();
  c.app = r.text();
  c.version = r.text();
  c.entry = r.text();
  r.require(c.entry.size() <= kMaxPath);
  c.http_port = r.get<std::uint16_t>();
  get_headers(r, c.env, kMaxEnv);
  return if_done(r, std::move(c));
}

void Chunk::encode(Bytes_& out) const {
  Writer w{out};
  w.text(path);
  w.put(total);
  w.put(offset);
  w.raw(data);
}

std::optional<Chunk> Chunk::decode(View payload) {
  Reader r{payload};
  Chunk c;
  c.path = r.text();
  r.require(c.path.size() <= kMaxPath);
  c.total = r.get<std::uint32_t>();
  c.offset = r.get<std::uint32_t>();
  c.data = r.remainder();
  r.require(c.data.size() <= kMaxBodyPiece);
  r.require(c.offset <= c.total && c.data.size() <= c.total - c.offset);
  r.require(!c.data.empty() || c.total == 0);
  return if_done(r, std::move(c));
}

void Diagnostic::encode(Bytes_& out) const {
  Writer w{out};
  w.put(byte_of(severity));
  w.text(code);
  w.text(file);
  w.put(line);
  w.put(column);
  w.text(message);
  w.text(excerpt);
  w.text(help);
}

std::optional<Diagnostic> Diagnostic::decode(View payload) {
  Reader r{payload};
  Diagnostic d;
  d.severity = r.enumerator(Severity::Warning);
  d.code = r.text();
  d.file = r.text();
  d.line = r.get<std::uint32_t>();
  d.column = r.get<std::uint32_t>();
  d.message = r.text();
  d.excerpt = r.text();
  d.help = r.text();
  r.require(!d.code.empty() && d.excerpt.size() <= kMaxExcerpt);
  return if_done(r, std::move(d));
}

void ManifestEntry::encode(Bytes_& out) const {
  Writer w{out};
  w.text(key);
  w.put(byte_of(type));
  w.text(value);
  w.put(line);
  w.put(column);
}

std::optional<ManifestEntry> ManifestEntry::decode(View payload) {
  Reader r{payload};
  ManifestEntry e;
  e.key = r.text();
  e.type = r.enumerator(ValueType::Float);
  e.value = r.text();
  e.line = r.get<std::uint32_t>();
  e.column = r.get<std::uint32_t>();
  r.require(!e.key.empty());
  return if_done(r, std::move(e));
}

void Started::encode(Bytes_& out) const {
  Writer w{out};
  w.put(byte_of(style));
  w.put(port);
  w.put(startup_cpu_us);
}

std::optional<Started> Started::decode(View payload) {
  Reader r{payload};
  Started s;
  s.style = r.enumerator(AppStyle::Loop);
  s.port = r.get<std::uint16_t>();
  s.startup_cpu_us = r.get<std::uint32_t>();
  return if_done(r, std::move(s));
}

void Failed::encode(Bytes_& out) const {
  Writer w{out};
  w.text(code);
  w.text(message);
}

std::optional<Failed> Failed::decode(View payload) {
  Reader r{payload};
  Failed f;
  f.code = r.text();
  f.message = r.text();
  r.require(!f.code.empty());
  return if_done(r, std::move(f));
}

void LogRecord::encode(Bytes_& out) const {
  Writer w{out};
  w.put(byte_of(level));
  w.put(request);
  w.put(request_high);
  w.put(fiber);
  w.text(source);
  w.text(message);
  w.text(fields);
  w.put(dropped);
}

std::optional<LogRecord> LogRecord::decode(View payload) {
  Reader r{payload};
  LogRecord l;
  l.level = r.enumerator(LogLevel::Error);
  l.request = r.get<std::uint64_t>();
  l.request_high = r.get<std::uint64_t>();
  l.fiber = r.get<std::uint32_t>();
  l.source = r.text();
  l.message = r.text();
  l.fields = r.text();
  l.dropped = r.get<std::uint32_t>();
  return if_done(r, std::move(l));
}

void Pong::encode(Bytes_& out) const {
  Writer w{out};
  w.put(token);
  w.put(cpu_us);
  w.put(memory);
  w.put(vms);
  w.put(fibers);
  w.put(timers);
  w.put(running);
}

std::optional<Pong> Pong::decode(View payload) {
  Reader r{payload};
  Pong p;
  p.token = r.get<std::uint64_t>();
  p.cpu_us = r.get<std::uint64_t>();
  p.memory = r.get<std::uint64_t>();
  p.vms = r.get<std::uint32_t>();
  p.fibers = r.get<std::uint32_t>();
  p.timers = r.get<std::uint32_t>();
  p.running = r.get<std::uint32_t>();
  return if_done(r, std::move(p));
}

void Inspection::encode(Bytes_& out) const {
  Writer w{out};
  w.put(token);
  w.put(total);
  w.put(offset);
  w.text(text);
}

std::optional<Inspection> Inspection::decode(View payload) {
  Reader r{payload};
  Inspection i;
  i.token = r.get<std::uint64_t>();
  i.total = r.get<std::uint32_t>();
  i.offset = r.get<std::uint32_t>();
  i.text = r.text();
  r.require(i.total <= kMaxInspection && i.text.size() <= kMaxBodyPiece);
  r.require(i.offset <= i.total && i.text.size() <= i.total - i.offset);
  r.require(!i.text.empty() || i.total == 0);
  return if_done(r, std::move(i));
}

void RequestHead::encode(Bytes_& out) const {
  Writer w{out};
  w.put(id_low);
  w.put(id_high);
  w.put(wall_ms);
  w.put(flags);
  w.put(content_length);
  w.text(method);
  w.text(target);
  w.text(client);
  put_headers(w, headers);
}

bool RequestHead::read(View payload) {
  Reader r{payload};
  id_low = r.get<std::uint64_t>();
  id_high = r.get<std::uint64_t>();
  wall_ms = r.get<std::uint32_t>();
  flags = r.get<std::uint8_t>();
  content_length = r.get<std::uint64_t>();
  method = r.text();
  target = r.text();
  client = r.text();
  get_headers(r, headers, kMaxHeaders);
  r.require((flags & ~kRequestFlags) == 0 && !method.empty() && !target.empty());
  // A known length of 0 is no body; without a body there is no other length.
  r.require((flags & kHasBody) != 0 ? content_length != 0
                                    : content_length == 0 || content_length == UINT64_MAX);
  return r.done();
}

std::optional<RequestHead> RequestHead::decode(View payload) {
  RequestHead head;
  if (!head.read(payload)) return std::nullopt;
  return head;
}

void ResponseHead::encode(Bytes_& out) const {
  Writer w{out};
  w.put(status);
  w.put(content_length);
  w.text(reason);
  put_headers(w, headers);
}

bool ResponseHead::read(View payload, View& rest) {
  Reader r{payload};
  status = r.get<std::uint16_t>();
  content_length = r.get<std::uint64_t>();
  reason = r.text();
  get_headers(r, headers, kMaxHeaders);
  r.require(status >= 100 && status <= 999);
  rest = r.remainder();
  return r.done();
}

std::optional<ResponseHead> ResponseHead::decode(View payload, View& rest) {
  ResponseHead head;
  if (!head.read(payload, rest)) return std::nullopt;
  return head;
}

void Done::encode(Bytes_& out) const {
  Writer w{out};
  w.put(byte_of(outcome));
  w.put(cpu_us);
  w.put(fibers);
  w.put(memory);
}

std::optional<Done> Done::decode(View payload) {
  Reader r{payload};
  Done d;
  const std::uint8_t outcome = r.get<std::uint8_t>();
  r.require(is_outcome(outcome));
  d.outcome = static_cast<Outcome>(outcome);
  d.cpu_us = r.get<std::uint32_t>();
  d.fibers = r.get<std::uint32_t>();
  d.memory = r.get<std::uint64_t>();
  return if_done(r, std::move(d));
}

void encode_headers(const std::vector<Header>& headers, Bytes_& out) {
  Writer writer{out};
  put_headers(writer, headers);
}

std::optional<std::vector<Header>> decode_headers(View payload, std::size_t most) {
  Reader r{payload};
  std::vector<Header> headers;
  get_headers(r, headers, most);
  return if_done(r, std::move(headers));
}

void encode_credit(std::uint32_t bytes, Bytes_& out) { Writer{out}.put(bytes); }

std::optional<std::uint32_t> decode_credit(View payload) {
  Reader r{payload};
  auto bytes = r.get<std::uint32_t>();
  r.require(bytes != 0);
  return if_done(r, std::move(bytes));
}

void encode_ping(std::uint64_t token, Bytes_& out) { Writer{out}.put(token); }

std::optional<std::uint64_t> decode_ping(View payload) {
  Reader r{payload};
  auto token = r.get<std::uint64_t>();
  return if_done(r, std::move(token));
}

}  // namespace perilune::link
