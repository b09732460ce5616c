#include <catch2/catch.hpp>
#include <list>
#include <string>

#include "runtime/link/session.hpp"

namespace perilune::link {
namespace {

class Frames {
 public:
  Frame make(FrameType type, Bytes_ payload = {}) {
    payloads_.push_back(std::move(payload));
    return {{type, 0, static_cast<std::uint16_t>(payloads_.back().size()), 0}, payloads_.back()};
  }
  template <typename Message>
  Frame of(FrameType type, const Message& message) {
    Bytes_ payload;
    message.encode(payload);
    return make(type, std::move(payload));
  }
  Frame file(FrameType type, std::string_view path, std::uint32_t total, std::uint32_t offset,
             std::size_t size) {
    const Bytes_ data(size);
    return of(type, Chunk{path, total, offset, data});
  }
  Frame ping(std::uint64_t token) {
    Bytes_ payload;
    encode_ping(token, payload);
    return make(FrameType::Ping, std::move(payload));
  }

 private:
  std::list<Bytes_> payloads_;
};

struct HostSide : Frames {
  ControlLedger ledger;
  void begin(Job job) {
    REQUIRE(ledger.accept(make(FrameType::Ready)));
    Configure configure;
    configure.job = job;
    configure.limits.set(Limit::BundleUnpacked, 10);
    configure.limits.set(Limit::BundleFiles, 2);
    ledger.configured(configure);
    ledger.start_sent();
  }
  void refused(const Frame& frame, std::string_view why) {
    CHECK_FALSE(ledger.accept(frame));
    CHECK(ledger.reason() == why);
    CHECK_FALSE(ledger.accept(make(FrameType::Ready)));
  }
  Frame started() { return of(FrameType::Started, Started{}); }
  Frame failed() { return of(FrameType::Failed, Failed{"no_entry", ""}); }
  Frame log() { return of(FrameType::Log, LogRecord{}); }
};

TEST_CASE("a worker's first word is Ready, once", "[link]") {
  HostSide t;
  SECTION("first") { t.refused(t.log(), "before_ready"); }
  SECTION("once") {
    REQUIRE(t.ledger.accept(t.make(FrameType::Ready)));
    t.refused(t.make(FrameType::Ready), "second_ready");
  }
  SECTION("nothing before Start") {
    REQUIRE(t.ledger.accept(t.make(FrameType::Ready)));
    SECTION("log") { t.refused(t.log(), "log_unexpected"); }
    SECTION("started") { t.refused(t.started(), "end_unexpected"); }
    SECTION("diagnostic") {
      t.refused(t.of(FrameType::Diagnostic, Diagnostic{Severity::Error, "c"}), "report_unexpected");
    }
  }
}

TEST_CASE("a check reports, then ends once", "[link]") {
  HostSide t;
  t.begin(Job::Check);
  REQUIRE(t.ledger.accept(t.of(FrameType::Manifest, ManifestEntry{"name"})));
  REQUIRE(t.ledger.accept(t.of(FrameType::Diagnostic, Diagnostic{Severity::Error, "c"})));
  REQUIRE(t.ledger.accept(t.file(FrameType::FileOut, "a", 6, 0, 4)));
  SECTION("whole files") {
    REQUIRE(t.ledger.accept(t.file(FrameType::FileOut, "a", 6, 4, 2)));
    REQUIRE(t.ledger.accept(t.file(FrameType::FileOut, "b", 4, 0, 4)));
    SECTION("one file too many") {
      t.refused(t.file(FrameType::FileOut, "c", 0, 0, 0), "file_order");
    }
    SECTION("two ends") {
      REQUIRE(t.ledger.accept(t.started()));
      CHECK(t.ledger.phase() == ControlLedger::Phase::Serving);
      t.refused(t.failed(), "end_unexpected");
    }
    SECTION("a file after the end") {
      REQUIRE(t.ledger.accept(t.started()));
      t.refused(t.file(FrameType::FileOut, "c", 0, 0, 0), "report_unexpected");
    }
    SECTION("log after the end") {
      REQUIRE(t.ledger.accept(t.failed()));
      CHECK(t.ledger.accept(t.log()));
      t.refused(t.started(), "end_unexpected");
    }
  }
  SECTION("a byte too many in all") {
    REQUIRE(t.ledger.accept(t.file(FrameType::FileOut, "a", 6, 4, 2)));
    t.refused(t.file(FrameType::FileOut, "b", 5, 0, 5), "file_order");
  }
  SECTION("another file between") {
    t.refused(t.file(FrameType::FileOut, "b", 6, 4, 2), "file_order");
  }
  SECTION("a gap") { t.refused(t.file(FrameType::FileOut, "a", 6, 5, 1), "file_order"); }
  SECTION("a total that changes") {
    t.refused(t.file(FrameType::FileOut, "a", 7, 4, 2), "file_order");
  }
  SECTION("started with half a file") { t.refused(t.started(), "file_order"); }
  SECTION("failed with half a file") { CHECK(t.ledger.accept(t.failed())); }
  SECTION("a file without a name") {
    t.refused(t.file(FrameType::FileOut, "", 6, 4, 2), "bad_file");
  }
}

TEST_CASE("a serving worker hands out no files", "[link]") {
  HostSide t;
  t.begin(Job::Serve);
  t.refused(t.file(FrameType::FileOut, "a", 1, 0, 1), "report_unexpected");
}

TEST_CASE("findings are bounded", "[link]") {
  HostSide t;
  t.begin(Job::Check);
  for (std::size_t i = 0; i < ControlLedger::kMaxDiagnostics; ++i)
    REQUIRE(t.ledger.accept(t.of(FrameType::Diagnostic, Diagnostic{Severity::Error, "c"})));
  t.refused(t.of(FrameType::Diagnostic, Diagnostic{Severity::Error, "c"}), "too_many_diagnostics");
}

TEST_CASE("a pong answers the oldest ping", "[link]") {
  HostSide t;
  REQUIRE(t.ledger.accept(t.make(FrameType::Ready)));
  t.ledger.pinged(1);
  t.ledger.pinged(2);
  REQUIRE(t.ledger.accept(t.of(FrameType::Pong, Pong{1})));
  SECTION("next") {
    REQUIRE(t.ledger.accept(t.of(FrameType::Pong, Pong{2})));
    t.refused(t.of(FrameType::Pong, Pong{2}), "pong_unexpected");
  }
  SECTION("another") { t.refused(t.of(FrameType::Pong, Pong{3}), "pong_unexpected"); }
}

TEST_CASE("an inspection answers the oldest question, in pieces that follow each other", "[link]") {
  HostSide t;
  t.begin(Job::Serve);
  t.ledger.inspected(1);
  t.ledger.inspected(2);
  const auto piece = [&t](std::uint64_t token, std::uint32_t total, std::uint32_t offset,
                          std::string_view text) {
    return t.of(FrameType::Inspection, Inspection{token, total, offset, text});
  };
  SECTION("both, the second one empty") {
    REQUIRE(t.ledger.accept(piece(1, 4, 0, "ab")));
    REQUIRE(t.ledger.accept(piece(1, 4, 2, "cd")));
    REQUIRE(t.ledger.accept(piece(2, 0, 0, "")));
    t.refused(piece(2, 0, 0, ""), "inspection_unexpected");
  }
  SECTION("a gap") {
    REQUIRE(t.ledger.accept(piece(1, 4, 0, "a")));
    t.refused(piece(1, 4, 2, "cd"), "inspection_order");
  }
  SECTION("another length") {
    REQUIRE(t.ledger.accept(piece(1, 4, 0, "a")));
    t.refused(piece(1, 5, 1, "b"), "inspection_order");
  }
  SECTION("the second one first") { t.refused(piece(2, 1, 0, "a"), "inspection_unexpected"); }
  SECTION("too long") { t.refused(piece(1, kMaxInspection + 1, 0, "a"), "bad_inspection"); }
  SECTION("beyond its length") { t.refused(piece(1, 1, 0, "ab"), "bad_inspection"); }
  SECTION("an empty piece") { t.refused(piece(1, 1, 0, ""), "bad_inspection"); }
}

TEST_CASE("damaged reports are refused", "[link]") {
  HostSide t;
  t.begin(Job::Check);
  const Bytes_ one(1);
  SECTION("log") { t.refused(t.make(FrameType::Log, one), "bad_log"); }
  SECTION("diagnostic") { t.refused(t.make(FrameType::Diagnostic, one), "bad_diagnostic"); }
  SECTION("manifest") { t.refused(t.make(FrameType::Manifest, one), "bad_manifest"); }
  SECTION("file") { t.refused(t.make(FrameType::FileOut, one), "bad_file"); }
  SECTION("started") { t.refused(t.make(FrameType::Started, one), "bad_started"); }
  SECTION("failed") { t.refused(t.make(FrameType::Failed, one), "bad_failed"); }
  SECTION("pong") { t.refused(t.make(FrameType::Pong, one), "bad_pong"); }
  SECTION("a frame of the host's") { t.refused(t.make(FrameType::Stop), "unknown_type"); }
}

struct WorkerSide : Frames {
  BootLedger ledger;
  void refused(const Frame& frame, std::string_view why) {
    CHECK_FALSE(ledger.accept(frame));
    CHECK(ledger.reason() == why);
  }
  void configured(Packing packing = Packing::Files) {
    Configure configure;
    configure.packing = packing;
    REQUIRE(ledger.accept(of(FrameType::Configure, configure)));
  }
  Frame env(std::size_t count) {
    Bytes_ payload;
    encode_headers(std::vector<Header>(count), payload);
    return make(FrameType::Env, std::move(payload));
  }
};

TEST_CASE("a worker is configured, loaded and started, each once", "[link]") {
  WorkerSide t;
  SECTION("a ping is answered at any time") {
    CHECK(t.ledger.accept(t.ping(1)));
    t.refused(t.make(FrameType::Ping, Bytes_(7)), "bad_ping");
  }
  SECTION("a file first") { t.refused(t.file(FrameType::File, "a", 0, 0, 0), "file_unexpected"); }
  SECTION("environment first") { t.refused(t.env(1), "env_unexpected"); }
  SECTION("start first") { t.refused(t.make(FrameType::Start), "start_unexpected"); }
  SECTION("damage") { t.refused(t.make(FrameType::Configure, Bytes_(3)), "bad_configure"); }
  SECTION("stop twice") {
    REQUIRE(t.ledger.accept(t.make(FrameType::Stop)));
    t.refused(t.make(FrameType::Stop), "second_stop");
  }
  SECTION("configured") {
    t.configured();
    REQUIRE(t.ledger.accept(t.file(FrameType::File, "a", 3, 0, 2)));
    SECTION("again") { t.refused(t.of(FrameType::Configure, Configure{}), "second_configure"); }
    SECTION("start within a file") { t.refused(t.make(FrameType::Start), "start_unexpected"); }
    SECTION("a file out of order") {
      t.refused(t.file(FrameType::File, "a", 3, 1, 2), "file_order");
    }
    SECTION("started") {
      REQUIRE(t.ledger.accept(t.file(FrameType::File, "a", 3, 2, 1)));
      REQUIRE(t.ledger.accept(t.env(kMaxEnv)));
      REQUIRE(t.ledger.accept(t.make(FrameType::Start)));
      SECTION("a file after") {
        t.refused(t.file(FrameType::File, "b", 0, 0, 0), "file_unexpected");
      }
      SECTION("questions") {
        Bytes_ token;
        encode_ping(7, token);
        REQUIRE(t.ledger.accept(t.make(FrameType::Inspect, token)));
        t.refused(t.make(FrameType::Inspect), "bad_inspect");
      }
      SECTION("started again") { t.refused(t.make(FrameType::Start), "start_unexpected"); }
      SECTION("environment after") { t.refused(t.env(1), "env_unexpected"); }
    }
    SECTION("too much environment") {
      REQUIRE(t.ledger.accept(t.env(kMaxEnv)));
      t.refused(t.env(1), "too_many_env");
    }
    SECTION("a frame of the worker's") { t.refused(t.make(FrameType::Ready), "unknown_type"); }
  }
  SECTION("a packed upload is one file without a name") {
    t.configured(Packing::TarGz);
    REQUIRE(t.ledger.accept(t.file(FrameType::File, "", 3, 0, 3)));
    t.refused(t.file(FrameType::File, "", 3, 0, 3), "file_order");
  }
  SECTION("a packed upload has no names") {
    t.configured(Packing::Zip);
    t.refused(t.file(FrameType::File, "a", 3, 0, 3), "bad_file");
  }
}

}  // namespace
}  // namespace perilune::link
