#include "block.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <numeric>
#include <random>
#include <vector>

#include "symbols.h"

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/common_interface_defs.h>
#endif

// Saves the registers that a callee keeps and the stack pointer in *from, goes on at `to`.
extern "C" VEGA_HIDDEN void vega_switch_stack(void** from, void* to);
asm(R"(
.text
.hidden vega_switch_stack
.globl vega_switch_stack
.type vega_switch_stack, @function
vega_switch_stack:
  push %rbp
  push %rbx
  push %r12
  push %r13
  push %r14
  push %r15
  mov %rsp, (%rdi)
  mov %rsi, %rsp
  pop %r15
  pop %r14
  pop %r13
  pop %r12
  pop %rbx
  pop %rbp
  ret
.size vega_switch_stack, . - vega_switch_stack
)");

uint3 threadIdx, blockIdx;
dim3 blockDim, gridDim;

namespace vega::host_device {
namespace {

enum class State { kReady, kAtBarrier, kAtExchange, kDone };

struct Fiber {
  void* stack_pointer = nullptr;
  char* stack = nullptr;  // its lowest byte
  State state = State::kDone;
  uint3 thread{};
  unsigned mask = 0;        // of the exchange it waits at
  std::uint64_t given = 0;  // its value there
  void* sanitizer = nullptr;
};

constexpr int kMostThreads = 1024;
constexpr std::size_t kStack = std::size_t{256} << 10, kGuard = 4096;

Fiber fibers[kMostThreads];
std::uint64_t exchanged[kMostThreads];  // what the lanes of a warp gave last
int threads = 0, live = 0;
int current = 0;
void* scheduler = nullptr;
void (*thread_body)(void*) = nullptr;
void* thread_argument = nullptr;

// The sanitizers want to know about stacks.
#ifdef __SANITIZE_ADDRESS__
void* scheduler_sanitizer = nullptr;
const void* scheduler_stack = nullptr;
std::size_t scheduler_size = 0;
void leaving(void** mine, const void* stack, std::size_t size) {
  __sanitizer_start_switch_fiber(mine, stack, size);
}
void came_to_fiber() {
  __sanitizer_finish_switch_fiber(fibers[current].sanitizer, &scheduler_stack, &scheduler_size);
}
void came_to_scheduler() { __sanitizer_finish_switch_fiber(scheduler_sanitizer, nullptr, nullptr); }
#else
constexpr const void* scheduler_stack = nullptr;
constexpr std::size_t scheduler_size = 0;
void* scheduler_sanitizer = nullptr;
void leaving(void**, const void*, std::size_t) {}
void came_to_fiber() {}
void came_to_scheduler() {}
#endif

void enter(int thread) {
  Fiber& fiber = fibers[thread];
  current = thread;
  threadIdx = fiber.thread;
  leaving(&scheduler_sanitizer, fiber.stack, kStack);
  vega_switch_stack(&scheduler, fiber.stack_pointer);
  came_to_scheduler();
}

void wait(State state) {
  Fiber& fiber = fibers[current];
  fiber.state = state;
  leaving(state == State::kDone ? nullptr : &fiber.sanitizer, scheduler_stack, scheduler_size);
  vega_switch_stack(&fiber.stack_pointer, scheduler);
  came_to_fiber();
}

void first_function() {
  came_to_fiber();
  thread_body(thread_argument);
  wait(State::kDone);
  std::abort();  // nobody enters it again
}

void make_stacks() {
  constexpr std::size_t each = kStack + kGuard;
  auto* memory = static_cast<char*>(mmap(nullptr, each * kMostThreads, PROT_READ | PROT_WRITE,
                                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
  if (memory == MAP_FAILED) fail("no memory for the stacks of a block");
  for (int t = 0; t < kMostThreads; ++t) {
    char* lowest = memory + each * static_cast<std::size_t>(t);
    if (mprotect(lowest, kGuard, PROT_NONE) != 0) fail("no guard below a stack");
    fibers[t].stack = lowest + kGuard;
  }
}

void start(int thread) {
  Fiber& fiber = fibers[thread];
  // Stacks start at different lines of the cache, or all of them would share a few.
  const std::size_t shift = static_cast<std::size_t>(thread) % 61 * 64;
  auto** top = reinterpret_cast<void**>(fiber.stack + kStack - shift);
  *--top = nullptr;  // a call leaves the stack 8 bytes off a multiple of 16
  *--top = reinterpret_cast<void*>(first_function);
  for (int kept = 0; kept < 6; ++kept) *--top = nullptr;
  fiber.stack_pointer = top;
  fiber.sanitizer = nullptr;
  fiber.state = State::kReady;
  const auto t = static_cast<unsigned>(thread);
  const dim3& size = blockDim;
  fiber.thread = {t % size.x, t / size.x % size.y, t / (size.x * size.y)};
}

// Lets the lanes go on of whose mask all have come. Whether there were any.
bool finish_exchanges(int first, int end) {
  bool any = false;
  for (int t = first; t < end; ++t) {
    if (fibers[t].state != State::kAtExchange) continue;
    const unsigned mask = fibers[t].mask;
    bool complete = true;
    for (int lane = 0; lane < 32; ++lane) {
      if ((mask >> lane & 1U) == 0) continue;
      current = t;
      if (first + lane >= end) fail("a lane of the shuffle's mask does not exist");
      const Fiber& other = fibers[first + lane];
      if (other.state == State::kDone) fail("a lane of the shuffle's mask has ended");
      complete = complete && other.state == State::kAtExchange && other.mask == mask;
    }
    if (!complete) continue;
    any = true;
    for (int lane = 0; lane < 32; ++lane) {
      if ((mask >> lane & 1U) == 0) continue;
      exchanged[first + lane] = fibers[first + lane].given;
      fibers[first + lane].state = State::kReady;
    }
  }
  return any;
}

// Every lane of the warp that can, as far as it gets. Whether one could.
bool step_warp(int warp, bool downwards) {
  const int first = warp * 32, end = std::min(threads, first + 32);
  bool moved = false;
  for (int i = first; i < end; ++i) {
    const int t = downwards ? first + end - 1 - i : i;
    if (fibers[t].state != State::kReady) continue;
    moved = true;
    enter(t);
    if (fibers[t].state == State::kDone) --live;
  }
  return finish_exchanges(first, end) || moved;
}

void finish_barrier() {
  for (int t = 0; t < threads; ++t) {
    current = t;
    if (fibers[t].state == State::kAtExchange)
      fail("a shuffle waits for a lane that is at a barrier or at another shuffle");
  }
  for (int t = 0; t < threads; ++t) {
    if (fibers[t].state == State::kAtBarrier) fibers[t].state = State::kReady;
  }
}

}  // namespace

void run_block(Order order, void (*body)(void*), void* argument) {
  static std::mt19937 engine(1);
  if (fibers[0].stack == nullptr) make_stacks();
  thread_body = body;
  thread_argument = argument;
  threads = live = static_cast<int>(blockDim.x * blockDim.y * blockDim.z);
  for (int t = 0; t < threads; ++t) start(t);
  int warps[kMostThreads / 32];
  const int count = (threads + 31) / 32;
  std::iota(warps, warps + count, 0);
  if (order == Order::kReverse) std::reverse(warps, warps + count);
  while (live > 0) {
    if (order == Order::kGreedy) std::shuffle(warps, warps + count, engine);
    const bool downwards =
        order == Order::kReverse || (order == Order::kGreedy && engine() % 2 == 1);
    for (bool again = true; again;) {
      again = false;
      for (int w = 0; w < count; ++w) {
        if (order == Order::kRounds) {
          again = step_warp(warps[w], downwards) || again;
        } else {
          while (step_warp(warps[w], downwards)) {
          }
        }
      }
    }
    finish_barrier();
  }
}

void barrier() { wait(State::kAtBarrier); }

const std::uint64_t* exchange(unsigned mask, std::uint64_t mine) {
  Fiber& fiber = fibers[current];
  if ((mask >> (current % 32) & 1U) == 0) fail("a lane shuffles without being in its own mask");
  fiber.mask = mask;
  fiber.given = mine;
  wait(State::kAtExchange);
  return exchanged + current / 32 * 32;
}

void fail(const char* what) {
  const uint3& t = fibers[current].thread;
  std::fprintf(stderr,
               "device on the host: %s\n  kernel %s, block (%u, %u, %u), thread (%u, %u, %u)\n",
               what, kernel_at(running_kernel()).name.c_str(), blockIdx.x, blockIdx.y, blockIdx.z,
               t.x, t.y, t.z);
  std::abort();
}

}  // namespace vega::host_device
