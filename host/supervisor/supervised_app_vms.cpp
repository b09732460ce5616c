// The VMs of an app: which there are, and what their fibers are doing.
#include <algorithm>

#include "host/supervisor/fiber_dump.hpp"
#include "host/supervisor/supervised_app.hpp"

namespace perilune::host {
namespace {

/// A worker has one VM.
std::string vm_id(const Instance& instance) { return std::to_string(instance.id()) + ".1"; }

const char* name(Instance::State state) noexcept {
  switch (state) {
    case Instance::State::Starting: return "starting";
    case Instance::State::Running: return "running";
    case Instance::State::Draining: return "draining";
  }
  return "?";
}

}  // namespace

std::vector<api::VmRow> SupervisedApp::vms() const {
  std::vector<api::VmRow> rows;
  for (const InstancePtr& instance : instances_) {
    api::VmRow row;
    row.id = vm_id(*instance);
    row.version = instance->app().version;
    row.state = name(instance->state());
    row.pid = static_cast<std::uint32_t>(instance->worker().pid());
    row.memory = instance->memory();
    row.since = instance->since_unix();
    if (const auto& pong = instance->worker().pong()) row.fibers = pong->fibers;
    rows.push_back(std::move(row));
  }
  return rows;
}

Result<api::FiberDump> SupervisedApp::fibers(const std::string& vm, Deadline deadline,
                                             boost::asio::yield_context yield) {
  const auto found =
      std::find_if(instances_.begin(), instances_.end(),
                   [&](const InstancePtr& instance) { return vm_id(*instance) == vm; });
  if (found == instances_.end())
    return Failure{"not_found", "the app has no such VM now; see its list of VMs"};
  const InstancePtr instance = *found;
  if (instance->state() == Instance::State::Starting) return api::FiberDump{};
  const std::shared_ptr<Worker> worker = instance->worker_ptr();
  const auto text = worker->inspect(deadline.time_point(), yield);
  if (!text) return text.error();
  if (auto dump = read_fibers(*text)) return std::move(*dump);
  log_.event(link::LogLevel::Error, "The worker broke the link's protocol: bad_fibers",
             instance->app().version);
  instance->kill(ExitReason::Protocol);
  return Failure{"vm_gone", "the worker's answer was not one, and it was stopped"};
}

}  // namespace perilune::host
