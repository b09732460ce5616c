#include "runtime/link/messages.hpp"

#include <catch2/catch.hpp>
#include <string>

#include "runtime/link/frame.hpp"

namespace perilune::link {
namespace {

template <typename Message>
Bytes_ encoded(const Message& message) {
  Bytes_ out;
  message.encode(out);
  return out;
}

/// Every prefix is refused, and so is a byte too many.
template <typename Message>
void check_strict(const Message& message) {
  const Bytes_ bytes = encoded(message);
  REQUIRE(Message::decode(bytes));
  CHECK(encoded(*Message::decode(bytes)) == bytes);
  for (std::size_t n = 0; n < bytes.size(); ++n) CHECK_FALSE(Message::decode(View{bytes}.first(n)));
  Bytes_ longer = bytes;
  longer.push_back(std::byte{0});
  CHECK_FALSE(Message::decode(longer));
}

template <typename Message>
bool survives(const Message& message) {
  return Message::decode(encoded(message)).has_value();
}

RequestHead request() {
  RequestHead head;
  head.method = "GET";
  head.target = "/a?b";
  head.client = "127.0.0.1:4711";
  head.headers = {{"host", "x"}, {"Accept", ""}};
  return head;
}

TEST_CASE("messages of fixed layout are decoded strictly", "[link]") {
  Configure configure;
  configure.job = Job::Check;
  configure.packing = Packing::Zip;
  configure.jit = true;
  configure.tenant = "acme";
  configure.entry = "init.lua";
  configure.http_port = 8080;
  configure.env = {{"A", "1"}};
  configure.limits.set(Limit::Memory, 12345678);
  check_strict(configure);
  CHECK(Configure::decode(encoded(configure))->limits == configure.limits);
  check_strict(Diagnostic{Severity::Warning, "unknown_key", "perilune.toml", 3, 4, "m", "x", "h"});
  check_strict(ManifestEntry{"limits.memory", ValueType::Float, "1.5", 2, 3});
  check_strict(Started{AppStyle::Loop, 8080, 77});
  check_strict(Failed{"no_entry", "there is no init.lua"});
  check_strict(LogRecord{LogLevel::Error, 1, 2, 3, "a.lua:1", "m", "{}", 4});
  check_strict(Pong{1, 2, 3, 4, 5, 6, 7});
  check_strict(request());
  check_strict(Done{Outcome::Internal, 1, 2, 3});
}

TEST_CASE("a request's strings survive", "[link]") {
  const Bytes_ bytes = encoded(request());
  const auto head = RequestHead::decode(bytes);
  REQUIRE(head);
  CHECK(head->method == "GET");
  CHECK(head->target == "/a?b");
  REQUIRE(head->headers.size() == 2);
  CHECK(head->headers[1].name == "Accept");
}

TEST_CASE("a response's head is followed by its first body bytes", "[link]") {
  ResponseHead head;
  head.headers = {{"a", "b"}};
  Bytes_ bytes = encoded(head);
  bytes.push_back(std::byte{'x'});
  View rest;
  REQUIRE(ResponseHead::decode(bytes, rest));
  CHECK(rest.size() == 1);
  for (std::size_t n = 0; n + 1 < bytes.size(); ++n)
    CHECK_FALSE(ResponseHead::decode(View{bytes}.first(n), rest));
}

TEST_CASE("a status has three digits", "[link]") {
  View rest;
  for (const auto& [status, good] :
       {std::pair{99, false}, std::pair{100, true}, std::pair{999, true}, std::pair{1000, false}}) {
    ResponseHead head;
    head.status = static_cast<std::uint16_t>(status);
    CHECK(ResponseHead::decode(encoded(head), rest).has_value() == good);
  }
}

TEST_CASE("enumerators beyond the last are refused", "[link]") {
  CHECK_FALSE(survives(Diagnostic{static_cast<Severity>(2), "c", "", 0, 0, "", "", ""}));
  CHECK_FALSE(survives(ManifestEntry{"k", static_cast<ValueType>(4), "", 0, 0}));
  CHECK_FALSE(survives(Started{static_cast<AppStyle>(2), 0, 0}));
  CHECK_FALSE(survives(LogRecord{static_cast<LogLevel>(4), 0, 0, 0, "", "", "", 0}));
  CHECK_FALSE(survives(Done{Outcome::Count_, 0, 0, 0}));
  Configure configure;
  configure.job = static_cast<Job>(2);
  CHECK_FALSE(survives(configure));
  configure.job = Job::Serve;
  configure.packing = static_cast<Packing>(4);
  CHECK_FALSE(survives(configure));
  Bytes_ jit_two = encoded(Configure{});
  jit_two[2] = std::byte{2};
  CHECK_FALSE(Configure::decode(jit_two));
  RequestHead head = request();
  head.flags = 32;
  CHECK_FALSE(survives(head));
}

TEST_CASE("header counts end at 500, environment entries at 1000", "[link]") {
  RequestHead head = request();
  head.headers.assign(kMaxHeaders, {"a", "b"});
  CHECK(survives(head));
  head.headers.push_back({"a", "b"});
  CHECK_FALSE(survives(head));
  Configure configure;
  configure.env.assign(kMaxEnv, {"a", "b"});
  CHECK(survives(configure));
  configure.env.push_back({"a", "b"});
  CHECK_FALSE(survives(configure));
}

TEST_CASE("a request's length goes with its body", "[link]") {
  RequestHead head = request();
  head.content_length = 0;
  CHECK(survives(head));
  head.content_length = 1;
  CHECK_FALSE(survives(head));
  head.flags = RequestHead::kHasBody;
  CHECK(survives(head));
  head.content_length = 0;
  CHECK_FALSE(survives(head));
  head.content_length = UINT64_MAX;
  CHECK(survives(head));
}

TEST_CASE("a chunk lies within its file", "[link]") {
  const Bytes_ data(16);
  Bytes_ out;
  Chunk{"a", 20, 4, data}.encode(out);
  CHECK(Chunk::decode(out));
  CHECK_FALSE(survives(Chunk{"a", 20, 5, data}));
  CHECK_FALSE(survives(Chunk{"a", 20, 21, {}}));
  CHECK_FALSE(survives(Chunk{"a", 20, 0xFFFFFFFF, data}));
  CHECK_FALSE(survives(Chunk{"a", 20, 4, {}}));
  CHECK(survives(Chunk{"a", 0, 0, {}}));
  const Bytes_ most(kMaxBodyPiece + 1);
  CHECK(survives(Chunk{"a", 1 << 20, 0, View{most}.first(kMaxBodyPiece)}));
  CHECK_FALSE(survives(Chunk{"a", 1 << 20, 0, most}));
  const std::string path(kMaxPath + 1, 'a');
  CHECK(survives(Chunk{std::string_view{path}.substr(1), 0, 0, {}}));
  CHECK_FALSE(survives(Chunk{path, 0, 0, {}}));
}

TEST_CASE("credit is never nothing", "[link]") {
  Bytes_ out;
  encode_credit(5, out);
  CHECK(decode_credit(out) == 5);
  CHECK_FALSE(decode_credit(View{out}.first(3)));
  out.assign(4, std::byte{0});
  CHECK_FALSE(decode_credit(out));
  Bytes_ ping;
  encode_ping(UINT64_MAX, ping);
  CHECK(decode_ping(ping) == UINT64_MAX);
  ping.push_back(std::byte{0});
  CHECK_FALSE(decode_ping(ping));
}

}  // namespace
}  // namespace perilune::link
