#include "runtime/vm/carrier.hpp"

#include <memory>
#include <new>
#include <utility>
#include <vector>

#include "runtime/vm/guarded_stack.hpp"

namespace perilune::runtime {
namespace {

/// Remembers the stack, so that one that is never left can be unmapped all the same.
class RecordedStack {
 public:
  explicit RecordedStack(boost::context::stack_context& record) noexcept : record_{&record} {}
  boost::context::stack_context allocate() { return *record_ = stack_.allocate(); }
  void deallocate(boost::context::stack_context& stack) noexcept { stack_.deallocate(stack); }

 private:
  GuardedStack stack_{Carrier::kStack};
  boost::context::stack_context* record_;
};

/// A VM that is made or closed inside of another's callback needs a second one.
constexpr std::size_t kKept = 2;
thread_local std::vector<std::unique_ptr<Carrier>> free_carriers;

}  // namespace

Carrier::Carrier() {
  ::new (&context_) boost::context::fiber(std::allocator_arg, RecordedStack{stack_},
                                          [this](boost::context::fiber&& from) {
                                            caller_ = std::move(from);
                                            for (;;) {
                                              work_->serve();
                                              leave();
                                            }
                                            return boost::context::fiber{};
                                          });
}

/// Nothing that lies on it needs a destructor: at the bottom there is the loop only, and what a
/// dead VM left belongs to its arena. Resuming it once more would not do: a thread's last Carriers
/// go when the thread's other locals are gone.
Carrier::~Carrier() { GuardedStack{kStack}.deallocate(stack_); }

Carrier* Carrier::take() noexcept {
  if (!free_carriers.empty()) {
    Carrier* carrier = free_carriers.back().release();
    free_carriers.pop_back();
    return carrier;
  }
  try {
    free_carriers.reserve(kKept);
    return new Carrier;
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}

void Carrier::give(Carrier* carrier) noexcept {
  std::unique_ptr<Carrier> owned{carrier};
  if (free_carriers.size() < kKept) free_carriers.push_back(std::move(owned));
}

void Carrier::abandon(Carrier* carrier) noexcept { delete carrier; }

void Carrier::enter(Work& work) {
  work_ = &work;
  context_ = std::move(context_).resume();
}

void Carrier::leave() { caller_ = std::move(caller_).resume(); }

}  // namespace perilune::runtime
