#include <algorithm>
#include <cerrno>
#include <utility>

#include "runtime/modules/http_backend.hpp"
#include "runtime/modules/http_gateway.hpp"

namespace perilune::runtime {
namespace {

class GatewayBackend final : public HttpBackend, private GatewayListener {
 public:
  explicit GatewayBackend(std::unique_ptr<GatewayConnection> connection)
      : connection_{std::move(connection)} {
    connection_->set_listener(this);
  }
  GatewayBackend(const GatewayBackend&) = delete;
  GatewayBackend& operator=(const GatewayBackend&) = delete;
  ~GatewayBackend() override { connection_->set_listener(nullptr); }

  void set_waiters(IoWaiter* reader, IoWaiter* writer) noexcept override {
    reader_ = reader;
    writer_ = writer;
    if (reader == nullptr && awaiting_ && fresh_request() == nullptr) {
      awaiting_ = false;
      connection_->stop_awaiting();
    }
  }

  Step read_request(HttpMessage& into, const HttpLimits& limits, ReadState& state) override;
  Step read_response(HttpMessage&, const HttpLimits&, ReadState&) override {
    return fail(HttpErrc::WrongDirection, "a gateway's connection only receives requests");
  }
  Step read_some(HttpMessage& into, const HttpLimits& limits, ReadState& state) override;

  Step write_continue() override;
  Step write_message(const OutgoingHead& head, std::string_view body) override;
  Step write_head(const OutgoingHead& head) override;
  Step write_piece(std::string_view body) override;
  Step write_end(const HeaderMap* trailers) override;
  Step flush() override;

  void finish_exchange() override { answered_ = true; }
  bool native_stream() const noexcept override { return !flag(link::RequestHead::kNoStream); }
  bool answers_head() const noexcept override { return flag(link::RequestHead::kHead); }
  Invocation* invocation() const noexcept override { return connection_->invocation(); }
  bool has_invocations() const noexcept override { return true; }

  void close() noexcept override {
    awaiting_ = false;
    open_ = false;
    connection_->close();
  }
  bool is_open() const noexcept override { return open_ && !connection_->closed(); }

 private:
  void on_request() noexcept override { wake(reader_); }
  void on_body() noexcept override { wake(reader_); }
  void on_credit() noexcept override { wake(writer_); }
  void on_closed() noexcept override {
    wake(reader_);
    wake(writer_);
  }
  static void wake(IoWaiter* waiter) noexcept {
    if (waiter != nullptr) waiter->wake();
  }
  [[nodiscard]] bool flag(std::uint8_t bit) const noexcept {
    const auto* request = connection_->request();
    return request != nullptr && (request->flags & bit) != 0;
  }
  /// The request that no `read_request` has taken yet.
  [[nodiscard]] const link::RequestHead* fresh_request() const noexcept {
    return answered_ && !awaiting_ ? nullptr : connection_->request();
  }
  Step take_body(HttpMessage& into, const HttpLimits& limits, ReadState& state);
  Step sent(std::size_t bytes, std::string_view body, bool end);
  [[nodiscard]] bool gone() const noexcept { return !open_ || connection_->closed(); }
  Step broken() { return fail(system_io_error(EPIPE)); }

  std::unique_ptr<GatewayConnection> connection_;
  IoWaiter* reader_ = nullptr;
  IoWaiter* writer_ = nullptr;
  std::string_view unsent_;
  bool end_unsent_ = false;
  bool answered_ = false;
  bool awaiting_ = false;
  bool open_ = true;
};

Step GatewayBackend::read_request(HttpMessage& into, const HttpLimits& limits, ReadState& state) {
  if (gone()) return fail(misc_io_error(kMiscEof));
  if (answered_ && !awaiting_) {
    awaiting_ = true;
    connection_->await_request();
  }
  const link::RequestHead* request = fresh_request();
  if (request == nullptr) {
    awaiting_ = true;
    return Step::Pending;
  }
  awaiting_ = answered_ = false;
  into.method.assign(request->method);
  into.target.assign(request->target);
  for (const link::Header& field : request->headers)
    into.headers.add_received(field.name, field.value);
  state = ReadState::MessageReady;
  const Step step = take_body(into, limits, state);
  // A body that doesn't fit is read_some's affair: the head is good.
  return step == Step::Failed && fault().http != HttpErrc::BodyTooLarge ? step : Step::Done;
}

Step GatewayBackend::take_body(HttpMessage& into, const HttpLimits& limits, ReadState& state) {
  const std::string_view there = connection_->body();
  if (!there.empty()) {
    const std::size_t held = into.body().size();
    const std::size_t room = limits.body > held ? limits.body - held : 0;
    if (room == 0) return fail(HttpErrc::BodyTooLarge);
    const std::size_t bytes = std::min(room, there.size());
    if (!into.append_body(there.substr(0, bytes))) return fail(system_io_error(ENOMEM));
    connection_->consume(bytes);
    state = ReadState::BodyReady;
  }
  if (connection_->body().empty() && connection_->body_ended()) {
    for (const link::Header& field : connection_->trailers())
      into.trailers.add_received(field.name, field.value);
    state = ReadState::Finished;
    return Step::Done;
  }
  return there.empty() ? Step::Pending : Step::Done;
}

Step GatewayBackend::read_some(HttpMessage& into, const HttpLimits& limits, ReadState& state) {
  if (gone()) return fail(misc_io_error(kMiscEof));
  return take_body(into, limits, state);
}

Step GatewayBackend::write_continue() {
  if (gone()) return broken();
  // Nobody waits for it otherwise: one frame less.
  if (flag(link::RequestHead::kExpectContinue)) connection_->send_continue();
  return Step::Done;
}

Step GatewayBackend::write_message(const OutgoingHead& head, std::string_view body) {
  if (gone()) return broken();
  if (head.response.status == 101)
    return fail(HttpErrc::InvalidHeader, "101: the gateway does not switch protocols");
  if (!head.send_body) body = {};
  return sent(connection_->send_response(head.response, body, true), body, true);
}

Step GatewayBackend::write_head(const OutgoingHead& head) {
  if (gone()) return broken();
  return sent(connection_->send_response(head.response, {}, false), {}, false);
}

Step GatewayBackend::write_piece(std::string_view body) {
  if (gone()) return broken();
  return sent(connection_->send_body(body, false), body, false);
}

Step GatewayBackend::write_end(const HeaderMap* trailers) {
  if (gone()) return broken();
  if (trailers == nullptr || trailers->empty())
    return sent(connection_->send_body({}, true), {}, true);
  std::vector<link::Header> fields(trailers->size());
  for (std::size_t i = 0; i < fields.size(); ++i)
    fields[i] = {(*trailers)[i].name, (*trailers)[i].value};
  connection_->send_trailers(fields);
  return Step::Done;
}

Step GatewayBackend::sent(std::size_t bytes, std::string_view body, bool end) {
  unsent_ = body.substr(std::min(bytes, body.size()));
  end_unsent_ = end && !unsent_.empty();
  return unsent_.empty() ? Step::Done : Step::Pending;
}

Step GatewayBackend::flush() {
  if (gone()) return broken();
  if (unsent_.empty()) return Step::Done;
  return sent(connection_->send_body(unsent_, end_unsent_), unsent_, end_unsent_);
}

}  // namespace

std::unique_ptr<HttpBackend> make_gateway_backend(std::unique_ptr<GatewayConnection> connection) {
  return std::make_unique<GatewayBackend>(std::move(connection));
}

}  // namespace perilune::runtime
