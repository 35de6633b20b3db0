#include "ranks/link.h"

#define USE_C10D_GLOO  // LibTorch has Gloo built in; its headers ask for the word
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>

#include <c10/util/Logging.h>

#include <algorithm>
#include <array>
#include <condition_variable>
#include <cstdlib>
#include <mutex>
#include <thread>
#include <utility>

#include "core/device.h"
#include "ranks/nccl_door.h"

namespace vega {
namespace {

using std::chrono::milliseconds;

// Longer than any training: collectives have no limit of their own.
constexpr milliseconds kEver = std::chrono::hours(24 * 365);

// Runs `call` and gives what c10d and Gloo throw as LinkError, without their stack traces.
template <typename Call>
auto linked(const Call& call) -> decltype(call()) {
  try {
    return call();
  } catch (const c10::Error& error) {
    throw LinkError(error.what_without_backtrace());
  } catch (const std::exception& error) {
    throw LinkError(error.what());
  }
}

std::vector<std::uint8_t> bytes_of(const std::string& text) { return {text.begin(), text.end()}; }

// c10d warns of every attempt to connect; what matters is said by our own messages. Its flight
// recorder keeps a record of every collective, one for all groups of a process and without a lock:
// groups of several threads, as tests have them, break it.
void quiet_c10d() {
  static std::once_flag once;
  std::call_once(once, [] {
    if (std::getenv("TORCH_CPP_LOG_LEVEL") == nullptr) FLAGS_caffe2_log_level = 3;
    setenv("TORCH_FR_BUFFER_SIZE", "0", 0);
  });
}

}  // namespace

struct RankStore::State {
  c10::intrusive_ptr<c10d::Store> store;
};

std::unique_ptr<RankStore> RankStore::open(const RankPlace& place, milliseconds wait) {
  quiet_c10d();
  c10d::TCPStoreOptions options;
  options.port = static_cast<std::uint16_t>(place.port);
  options.isServer = place.rank == 0 && !place.agent_store;
  options.waitWorkers = false;
  options.timeout = wait;
  c10::intrusive_ptr<c10d::Store> store;
  try {
    store = c10::make_intrusive<c10d::TCPStore>(place.host, options);
  } catch (const c10::Error& error) {
    if (options.isServer) throw LinkError(error.what_without_backtrace());
    return nullptr;
  }
  // An agent keeps the keys of earlier attempts.
  return std::make_unique<RankStore>(std::make_shared<State>(
      State{c10::make_intrusive<c10d::PrefixStore>("vega/" + place.job, std::move(store))}));
}

std::unique_ptr<RankStore> RankStore::clone() const {
  return linked([&] {
    return std::make_unique<RankStore>(std::make_shared<State>(State{state_->store->clone()}));
  });
}

void RankStore::set(const std::string& key, const std::string& value) {
  linked([&] { state_->store->set(key, bytes_of(value)); });
}

std::string RankStore::claim(const std::string& key, const std::string& value) {
  return linked([&] {
    const auto there = state_->store->compareSet(key, bytes_of(""), bytes_of(value));
    return std::string(there.begin(), there.end());
  });
}

bool RankStore::has(const std::vector<std::string>& keys) {
  return linked([&] { return state_->store->check(keys); });
}

std::vector<std::string> RankStore::values(const std::vector<std::string>& keys) {
  return linked([&] {
    std::vector<std::string> out;
    for (const auto& value : state_->store->multiGet(keys))
      out.emplace_back(value.begin(), value.end());
    return out;
  });
}

std::int64_t RankStore::add(const std::string& key, std::int64_t value) {
  return linked([&] { return state_->store->add(key, value); });
}

namespace {

class GlooWork final : public PendingWork {
 public:
  explicit GlooWork(c10::intrusive_ptr<c10d::Work> work)
      : work_(std::move(work)), ended_(std::make_shared<Ended>()) {
    work_->getFuture()->addCallback([ended = ended_](c10::ivalue::Future&) {
      const std::lock_guard lock(ended->mutex);
      ended->now = true;
      ended->changed.notify_all();
    });
  }
  bool wait_for(milliseconds time) override {
    std::unique_lock lock(ended_->mutex);
    return ended_->changed.wait_for(lock, time, [&] { return ended_->now; });
  }
  void finish() override {
    linked([&] { work_->wait(); });
  }

 private:
  struct Ended {
    std::mutex mutex;
    std::condition_variable changed;
    bool now = false;
  };
  c10::intrusive_ptr<c10d::Work> work_;
  std::shared_ptr<Ended> ended_;
};

// Work of NCCL: the host sees that it is done by asking, and finish() lets the stream wait for it.
class GpuWork final : public PendingWork {
 public:
  explicit GpuWork(c10::intrusive_ptr<c10d::Work> work) : work_(std::move(work)) {}
  bool wait_for(milliseconds time) override {
    const auto end = std::chrono::steady_clock::now() + time;
    auto pause = std::chrono::microseconds(20);
    while (!linked([&] { return work_->isCompleted(); })) {
      if (std::chrono::steady_clock::now() >= end) return false;
      std::this_thread::sleep_for(pause);
      pause = std::min(2 * pause, std::chrono::microseconds(1000));
    }
    return true;
  }
  void finish() override {
    linked([&] { work_->wait(); });
  }

 private:
  c10::intrusive_ptr<c10d::Work> work_;
};

// The network that ranks talk over: GLOO_SOCKET_IFNAME names it, as for PyTorch; ranks of one node
// need none.
auto gloo_device(const RankPlace& place) {
  if (const char* name = std::getenv("GLOO_SOCKET_IFNAME"); name != nullptr && *name != '\0')
    return c10d::ProcessGroupGloo::createDeviceForInterface(name);
  if (place.one_node) return c10d::ProcessGroupGloo::createDeviceForHostname("127.0.0.1");
  return c10d::ProcessGroupGloo::createDefaultDevice();
}

}  // namespace

struct RankGroup::State {
  c10::intrusive_ptr<c10d::Backend> gloo, nccl;

  c10d::Backend& of(const at::Tensor& flat) const { return flat.is_cuda() ? *nccl : *gloo; }
};

RankGroup::RankGroup(RankStore& store, const RankPlace& place, milliseconds wait)
    : state_(std::make_unique<State>()) {
  linked([&] {
    auto options = c10d::ProcessGroupGloo::Options::create(wait);
    options->devices.push_back(gloo_device(place));
    state_->gloo = c10::make_intrusive<c10d::ProcessGroupGloo>(
        c10::make_intrusive<c10d::PrefixStore>("gloo", store.state().store), place.rank,
        place.count, std::move(options));
  });
}

RankGroup::~RankGroup() = default;

namespace {

// Begins a collective without a limit of its own. call: gets the options, and begins it.
template <typename Options, typename Call>
std::unique_ptr<PendingWork> begun(bool on_gpu, const Call& call) {
  return linked([&]() -> std::unique_ptr<PendingWork> {
    Options options;
    options.timeout = kEver;
    if (on_gpu) return std::make_unique<GpuWork>(call(options));
    return std::make_unique<GlooWork>(call(options));
  });
}

}  // namespace

bool RankGroup::has_nccl() { return find_cuda_symbol(kNcclDoor) != nullptr; }
bool RankGroup::uses_gpus() const { return state_->nccl.defined(); }

void RankGroup::use_gpus(RankStore& store, const RankPlace& place) {
  linked([&] {
    const auto make = reinterpret_cast<MakeNcclBackend*>(cuda_symbol(kNcclDoor));
    const c10::intrusive_ptr<c10d::Store> own =
        c10::make_intrusive<c10d::PrefixStore>("nccl", store.state().store->clone());
    std::array<char, 1024> why{};
    void* made = make(&own, place.rank, place.count, why.data(), static_cast<int>(why.size()));
    if (made == nullptr) throw LinkError(why.data());
    state_->nccl = c10::intrusive_ptr<c10d::Backend>::reclaim(static_cast<c10d::Backend*>(made));
  });
}

std::unique_ptr<PendingWork> RankGroup::sum(const at::Tensor& flat) {
  std::vector<at::Tensor> tensors{flat};
  return begun<c10d::AllreduceOptions>(flat.is_cuda(), [&](const auto& options) {
    return state_->of(flat).allreduce(tensors, options);
  });
}

std::unique_ptr<PendingWork> RankGroup::sum_at(const at::Tensor& flat, int owner) {
  std::vector<at::Tensor> tensors{flat};
  return begun<c10d::ReduceOptions>(flat.is_cuda(), [&](auto& options) {
    options.rootRank = owner;
    return state_->of(flat).reduce(tensors, options);
  });
}

std::unique_ptr<PendingWork> RankGroup::spread(const at::Tensor& flat, int owner) {
  std::vector<at::Tensor> tensors{flat};
  return begun<c10d::BroadcastOptions>(flat.is_cuda(), [&](auto& options) {
    options.rootRank = owner;
    return state_->of(flat).broadcast(tensors, options);
  });
}

std::unique_ptr<PendingWork> RankGroup::gather(const at::Tensor& own,
                                               std::vector<at::Tensor>& all) {
  std::vector<at::Tensor> input{own};
  std::vector<std::vector<at::Tensor>> outputs{all};
  return begun<c10d::AllgatherOptions>(
      false, [&](const auto& options) { return state_->gloo->allgather(outputs, input, options); });
}

void RankGroup::abandon() {
  static_cast<void>(state_->gloo.release());  // its threads wait for ranks that never come
  static_cast<void>(state_->nccl.release());
}

}  // namespace vega
