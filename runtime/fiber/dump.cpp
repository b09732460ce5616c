#include "runtime/fiber/dump.hpp"

#include <algorithm>
#include <cstdio>
#include <vector>

#include "runtime/base/log.hpp"
#include "runtime/fiber/introspection.hpp"
#include "runtime/vm/vm_impl.hpp"

namespace perilune::runtime {
namespace {

using Milliseconds = std::chrono::duration<double, std::milli>;

/// Oldest first; those that have ended and wait to be joined, too.
std::vector<const Fiber*> fibers_of(Vm& vm) {
  std::vector<const Fiber*> fibers;
  const Scheduler& scheduler = vm.impl().scheduler;
  for (const Fiber* fiber = scheduler.first(); fiber != nullptr; fiber = fiber->next)
    fibers.push_back(fiber);
  std::sort(fibers.begin(), fibers.end(),
            [](const Fiber* a, const Fiber* b) { return a->id < b->id; });
  return fibers;
}

FiberRecord look_at(Vm& vm, const Fiber& fiber) {
  const Vm::Impl& impl = vm.impl();
  return inspect(fiber, impl.preempted ? impl.preempted_in : nullptr);
}

std::string milliseconds_text(std::chrono::nanoseconds time) {
  char text[32];
  (void)std::snprintf(text, sizeof text, "%.3f", Milliseconds{time}.count());
  return text;
}

std::string paragraph(const FiberRecord& record) {
  std::string text = (record.main ? "main fiber " : "fiber ") + fiber_id_text(record.id);
  if (record.detached && !record.main) text += " (detached)";
  text += std::string{": "} + state_name(record.state);
  if (!record.operation.empty()) text += " in " + record.operation;
  if (!record.resource.empty()) text += ", " + record.resource;
  if (record.holder != 0) text += ", waits for fiber " + fiber_id_text(record.holder);
  if (record.age) text += ", for " + milliseconds_text(*record.age) + " ms";
  if (record.interrupted) text += ", interrupted";
  if (record.traceback.empty() && record.where != "?") text += "\n\tnot yet in " + record.where;
  for (const std::string& frame : record.traceback) text += "\n\t" + frame;
  return text + "\n";
}

class JsonObject {
 public:
  void text(const char* name, const std::string& value) {
    if (value.empty()) return;
    begin(name);
    log::append_json_string(out_, value);
  }
  void raw(const char* name, const std::string& value) {
    begin(name);
    out_ += value;
  }
  void yes(const char* name, bool value) { raw(name, value ? "true" : "false"); }
  [[nodiscard]] std::string finish() && { return std::move(out_) + "}"; }

 private:
  void begin(const char* name) {
    out_ += out_.size() > 1 ? ",\"" : "\"";
    out_ += name;
    out_ += "\":";
  }
  std::string out_ = "{";
};

std::string json_of(const FiberRecord& record) {
  JsonObject object;
  object.text("id", fiber_id_text(record.id));
  object.text("state", state_name(record.state));
  object.yes("main", record.main);
  object.yes("detached", record.detached);
  object.yes("interrupted", record.interrupted);
  object.text("operation", record.operation);
  object.text("resource", record.resource);
  if (!record.operation.empty()) object.yes("waits_for_fibers", record.inside);
  if (record.holder != 0) object.text("holder", fiber_id_text(record.holder));
  if (record.age) object.raw("age_ms", milliseconds_text(*record.age));
  object.text("where", record.where);
  std::string frames = "[";
  for (const std::string& frame : record.traceback) {
    if (frames.size() > 1) frames += ',';
    log::append_json_string(frames, frame);
  }
  object.raw("traceback", frames + "]");
  object.text("request_id", record.request_id);
  if (record.cpu) object.raw("invocation_cpu_ms", milliseconds_text(*record.cpu));
  return std::move(object).finish();
}

}  // namespace

std::string fibers_text(Vm& vm) {
  const auto fibers = fibers_of(vm);
  std::string text = "Fibers: " + std::to_string(fibers.size()) + "\n";
  for (const Fiber* fiber : fibers) text += paragraph(look_at(vm, *fiber));
  return text;
}

std::string fibers_json(Vm& vm, std::size_t most) {
  const auto fibers = fibers_of(vm);
  std::string text = "{\"total\":" + std::to_string(fibers.size()) + ",\"fibers\":[";
  const std::size_t start = text.size();
  for (const Fiber* fiber : fibers) {
    const std::string one = json_of(look_at(vm, *fiber));
    if (text.size() + one.size() + 3 > most) break;
    if (text.size() > start) text += ',';
    text += one;
  }
  return text + "]}";
}

}  // namespace perilune::runtime
