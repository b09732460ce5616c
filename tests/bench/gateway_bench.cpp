// What does the gateway itself cost? One gateway thread, and a worker thread that answers every
// request with "Hello World" at once. Drive it from outside, for example
//   gateway_bench 8090 10 & wrk -t1 -c64 -d8 http://hello.demo.localhost:8090/
// At the end it prints requests and CPU per request, the gateway's thread and the worker's apart.
#include <pthread.h>
#include <sys/resource.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <thread>

#include "host/gateway/gateway.hpp"
#include "tests/support/fake_worker.hpp"

namespace {

using namespace perilune;

struct Events final : host::GatewayEvents {
  void need_worker(const host::AppKey&) override {}
  void link_lost(host::InstanceId, std::string violation) override {
    std::printf("link lost: %s\n", violation.c_str());
  }
  void drained(host::InstanceId) override {}
};

struct Counters final : host::GatewayMetrics, host::AppMetrics {
  void rejected(const char* reason) override { std::printf("rejected: %s\n", reason); }
  void connections(int) override {}
  void link_violation(const char* reason) override { std::printf("violation: %s\n", reason); }
  void request_done(Outcome, unsigned, std::chrono::nanoseconds,
                    std::chrono::microseconds) override {
    requests.fetch_add(1, std::memory_order_relaxed);
  }
  void in_flight(int) override {}
  void bytes(std::uint64_t, std::uint64_t) override {}
  std::atomic<std::uint64_t> requests{0};
};

double thread_cpu(std::thread& thread) {
  clockid_t clock{};
  timespec used{};
  ::pthread_getcpuclockid(thread.native_handle(), &clock);
  ::clock_gettime(clock, &used);
  return static_cast<double>(used.tv_sec) * 1e6 + static_cast<double>(used.tv_nsec) / 1e3;
}

double process_cpu() {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  return static_cast<double>(used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1e6 +
         static_cast<double>(used.ru_utime.tv_usec + used.ru_stime.tv_usec);
}

}  // namespace

int main(int argc, char** argv) {
  const int port = argc > 1 ? std::atoi(argv[1]) : 8090;
  const int seconds = argc > 2 ? std::atoi(argv[2]) : 10;
  Events events;
  auto counters = std::make_shared<Counters>();
  host::GatewayConfig config;
  config.endpoint = {boost::asio::ip::make_address("127.0.0.1"), static_cast<std::uint16_t>(port)};
  auto gateway = host::make_gateway(config, events, *counters);
  test::FakeWorker worker{[](test::FakeWorker& self, const link::Frame& frame) {
    if (frame.header.type != link::FrameType::Request) return;
    static link::RequestHead head;
    if (head.read(frame.payload)) self.hello(frame.header.stream);
  }};
  auto route = std::make_shared<host::AppRoute>();
  route->key = {"demo", "hello"};
  route->version = "v1";
  route->load = std::make_shared<host::AppLoad>();
  route->metrics = counters;
  gateway->publish(std::make_shared<const host::RouteTable>(
      "localhost", std::vector<std::shared_ptr<const host::AppRoute>>{route}));
  std::vector<UniqueFd> links;
  links.push_back(worker.host_end());
  gateway->attach(1, route->key, std::move(links));
  if (const auto started = gateway->start(); !started) {
    std::printf("%s\n", started.error().detail.c_str());
    return 1;
  }
  std::this_thread::sleep_for(std::chrono::seconds{seconds});
  const double requests = static_cast<double>(counters->requests.load());
  const double worker_us = thread_cpu(worker.thread());
  const double host_us = process_cpu() - worker_us;
  std::printf("{\"requests\":%.0f,\"host_us\":%.2f,\"worker_us\":%.2f}\n", requests,
              host_us / requests, worker_us / requests);
  return 0;
}
