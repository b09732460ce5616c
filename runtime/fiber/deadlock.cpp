#include "runtime/fiber/deadlock.hpp"

#include <algorithm>
#include <lua.hpp>
#include <utility>

#include "runtime/fiber/deadlock_report.hpp"
#include "runtime/fiber/reachability.hpp"
#include "runtime/fiber/scheduler.hpp"
#include "runtime/script/errors.hpp"
#include "runtime/vm/vm_impl.hpp"

namespace perilune::runtime {
namespace {

using Clock = DeadlockDetector::Clock;

/// Of a chain of holders that a suspension follows.
constexpr int kLongestChain = 64;
/// A search may take this part of the time.
constexpr int kShareOfTime = 20;

/// Waits for other fibers, and nobody has ended that yet.
bool waits_for_others(const Fiber& fiber) noexcept {
  return fiber.waits_inside && fiber.state == Fiber::State::Suspended &&
         fiber.operation != nullptr && !fiber.operation->completed();
}

/// Whom it waits for, if that one waits, too.
const Fiber* waiting_holder(const Fiber& fiber) noexcept {
  const Fiber* holder = fiber.operation->holder();
  return holder != nullptr && waits_for_others(*holder) ? holder : nullptr;
}

/// The first age to look at a wait that was not reached at `looked`.
Clock::time_point next_age(Clock::time_point since, Clock::time_point looked) noexcept {
  Clock::duration age = DeadlockDetector::kFirstLook;
  while (since + age <= looked) age *= 10;
  return since + age;
}

/// Whom it waits for, among the waits that nobody ends.
SearchedWait* next_in_chain(std::vector<SearchedWait>& waits, const SearchedWait& wait) {
  const Fiber* holder = wait.fiber->operation->holder();
  SearchedWait* next = holder == nullptr ? nullptr : find_wait(waits, holder);
  return next == nullptr || next->live ? nullptr : next;
}

/// Calls `visit` for the last one of every chain, or, if that is a cycle, for the first one of it
/// that was come by. Each end once.
template <typename Visit>
void for_chain_ends(std::vector<SearchedWait>& waits, Visit&& visit) {
  std::size_t walks = 0;
  for (SearchedWait& wait : waits) wait.walk = 0;
  for (SearchedWait& first : waits) {
    const std::size_t walk = ++walks;
    SearchedWait* last = nullptr;
    SearchedWait* at = first.live ? nullptr : &first;
    for (; at != nullptr && at->walk == 0; at = next_in_chain(waits, *at)) {
      at->walk = walk;
      last = at;
    }
    if (last != nullptr && at == nullptr) visit(*last);
    if (at != nullptr && at->walk == walk) visit(*at);
  }
}

/// Who has to be ended, for the others to go on.
void mark_ends(std::vector<SearchedWait>& waits) {
  for_chain_ends(waits, [&waits](SearchedWait& end) {
    for (SearchedWait* at = &end; at != nullptr && !at->end; at = next_in_chain(waits, *at))
      at->end = true;
  });
}

/// Cycles of two or more are not broken by who could reach their locks.
void doom_cycles(std::vector<SearchedWait>& waits) {
  for_chain_ends(waits, [&waits](SearchedWait& end) {
    SearchedWait* at = next_in_chain(waits, end);
    if (at == &end) return;
    for (; at != nullptr && !at->doomed; at = next_in_chain(waits, *at)) at->doomed = true;
  });
}

const SearchedWait* eldest(const std::vector<SearchedWait>& waits) {
  const auto before = [](const SearchedWait& a, const SearchedWait& b) {
    return std::pair{a.live, a.fiber->operation->since()} <
           std::pair{b.live, b.fiber->operation->since()};
  };
  return &*std::min_element(waits.begin(), waits.end(), before);
}

/// Who waits for a fiber that goes on will go on: a lock's owner will unlock it. True if that was
/// new about anybody; they are told to `reached`, if given.
bool follow_holders(std::vector<SearchedWait>& waits, ReachedSet* reached) {
  std::size_t walks = 0;
  bool changed = false;
  for (SearchedWait& wait : waits) wait.walk = 0;
  for (SearchedWait& first : waits) {
    const std::size_t walk = ++walks;
    bool live = false;
    for (SearchedWait* at = &first; at != nullptr;) {
      live = at->live;
      if (live || at->walk != 0) break;
      at->walk = walk;
      const Fiber* holder = at->fiber->operation->holder();
      if (holder == nullptr || holder->state == Fiber::State::Done) break;
      at = find_wait(waits, holder);
      live = at == nullptr;
    }
    if (!live) continue;
    for (SearchedWait* at = &first; at != nullptr && !at->live && at->walk == walk;
         at = find_wait(waits, at->fiber->operation->holder())) {
      changed = true;
      if (reached != nullptr)
        reached->revive(*at);
      else
        at->live = true;
      if (!at->live) break;  // doomed
    }
  }
  return changed;
}

}  // namespace

void DeadlockDetector::suspended(Fiber& fiber) noexcept {
  fiber.waits_inside = true;
  ++waiting_;
  const Operation& operation = *fiber.operation;
  next_look_ = std::min(next_look_, std::max(operation.since() + kFirstLook, not_before_));
  const Fiber* at = operation.holder();
  if (at == nullptr || at == &fiber) return;
  // Locks and joins in one cycle are for `look`: who joins a fiber that waits at a gate may have
  // locked that gate, for a third one to open.
  const bool lock = operation.object() != nullptr;
  for (int i = 0; i < kLongestChain && at != nullptr; ++i) {
    if (at == &fiber) {
      closed_cycle_ = fiber.id;
      return;
    }
    if (!waits_for_others(*at) || (at->operation->object() != nullptr) != lock) return;
    at = at->operation->holder();
  }
}

DeadlockDetector::Waits DeadlockDetector::collect_waits() const {
  Waits waits;
  for (Fiber* fiber = scheduler_.first(); fiber != nullptr; fiber = fiber->next) {
    if (waits_for_others(*fiber))
      waits.push_back({.fiber = fiber, .object = fiber->operation->object()});
  }
  std::sort(waits.begin(), waits.end(),
            [](const SearchedWait& a, const SearchedWait& b) { return a.fiber < b.fiber; });
  return waits;
}

void DeadlockDetector::resolve_cycle() {
  const std::uint32_t id = std::exchange(closed_cycle_, 0);
  const Fiber* first = scheduler_.first();
  while (first != nullptr && first->id != id) first = first->next;
  if (first == nullptr || !waits_for_others(*first)) return;
  Waits waits;
  const Fiber* at = first;
  for (int i = 0; i <= kLongestChain; ++i) {
    waits.push_back({.fiber = const_cast<Fiber*>(at), .object = at->operation->object()});
    at = waiting_holder(*at);
    if (at == nullptr || at == first) break;
  }
  if (at != first) return;
  std::sort(waits.begin(), waits.end(),
            [](const SearchedWait& a, const SearchedWait& b) { return a.fiber < b.fiber; });
  end(waits);
}

void DeadlockDetector::plan(const Waits& waits, Clock::time_point now) noexcept {
  looked_ = now;
  next_look_ = Clock::time_point::max();
  for (const SearchedWait& wait : waits)
    next_look_ = std::min(next_look_, next_age(wait.fiber->operation->since(), now));
  if (next_look_ != Clock::time_point::max()) next_look_ = std::max(next_look_, not_before_);
}

bool DeadlockDetector::any_due(const Waits& waits, Clock::time_point now) const noexcept {
  return std::any_of(waits.begin(), waits.end(), [&](const SearchedWait& wait) {
    return !wait.live && next_age(wait.fiber->operation->since(), looked_) <= now;
  });
}

bool DeadlockDetector::look() {
  Vm::Impl& vm = scheduler_.vm();
  const bool nothing_runs = waiting_ == scheduler_.size();
  const bool stuck = nothing_runs && !vm.host.may_start_fibers();
  const auto now = Clock::now();
  if (!stuck && now < next_look_) return false;
  Waits waits = collect_waits();
  if (!stuck) {
    follow_holders(waits, nullptr);
    const bool due = any_due(waits, now);
    plan(waits, now);
    if (!due || !search(waits, nothing_runs)) return false;
  } else {
    plan(waits, now);
  }
  // A promise that nobody has any more is broken by its finaliser, and that is better news.
  collect_garbage();
  if (scheduler_.has_ready()) {
    next_look_ = looked_ = Clock::time_point{};
    return true;
  }
  end(waits);
  return scheduler_.has_ready();
}

/// True if some of the waits are beyond the reach of whatever runs or may run.
bool DeadlockDetector::search(Waits& waits, bool nothing_runs) {
  Vm::Impl& vm = scheduler_.vm();
  vm.meter.switch_to(eldest(waits)->fiber->invocation);
  if (nothing_runs) doom_cycles(waits);
  bool complete = false;
  const auto began = Clock::now();
  const auto searched = vm.protect_here([&](lua_State* L) {
    ReachedSet reached{L, waits, kSearch};
    reached.add_registry();
    reached.add_running_fibers();
    do {
      complete = reached.follow();
    } while (complete && !reached.all_live() && follow_holders(waits, &reached));
  });
  const auto ended = Clock::now();
  not_before_ = ended + kShareOfTime * (ended - began);
  return searched && complete &&
         std::any_of(waits.begin(), waits.end(), [](const auto& wait) { return !wait.live; });
}

void DeadlockDetector::collect_garbage() {
  Vm::Impl& vm = scheduler_.vm();
  static_cast<void>(vm.protect_here([&vm](lua_State* L) { vm.collect(L); }));
}

void DeadlockDetector::end(Waits& waits) {
  std::erase_if(waits, [](const SearchedWait& wait) { return wait.live; });
  mark_ends(waits);
  const auto graph = std::make_shared<const std::string>(deadlock_graph(waits));
  const Fiber& first = *eldest(waits)->fiber;
  scheduler_.vm().host.log({LogSeverity::Error, *graph, {}, {}, first.id, first.invocation});
  std::vector<std::unique_ptr<DeadlockReport>> reports;
  for (const SearchedWait& wait : waits) {
    if (!wait.end) continue;
    // clang 14 makes no aggregate from parentheses.
    reports.push_back(
        std::make_unique<DeadlockReport>(DeadlockReport{deadlock_message(wait, waits), graph}));
  }
  // All is told before anything changes.
  auto report = reports.begin();
  for (const SearchedWait& wait : waits) {
    if (wait.end) wait.fiber->operation->end_deadlock(std::move(*report++));
  }
}

void raise_deadlock(lua_State* L, const Operation& operation) {
  const DeadlockReport& report = *operation.deadlock();
  push_code(L, kPeriluneCategory, static_cast<int>(PeriluneError::Deadlock),
            report.message.c_str());
  lua_pushlstring(L, report.graph->data(), report.graph->size());
  lua_setfield(L, -2, "graph");
  lua_error(L);
  __builtin_unreachable();
}

}  // namespace perilune::runtime
