#include "ranks/ranks.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <optional>
#include <set>
#include <thread>
#include <utility>

#include "base/build_info.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/stop.h"
#include "ranks/link.h"
#include "ranks/meet.h"
#include "ranks/watch.h"

namespace vega {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kLook{50}, kLeave{3000};

// Kinds of errors that keep their kind on the other ranks; the narrower ones first.
struct Kind {
  const char* name;
  bool (*holds)(const Error&);
  void (*raise)(const std::string&);
};
template <typename T>
constexpr Kind kind(const char* name) {
  return {name, [](const Error& error) { return dynamic_cast<const T*>(&error) != nullptr; },
          [](const std::string& text) { throw T(text); }};
}
constexpr Kind kKinds[] = {
    kind<Stopped>("stopped"),    kind<DeviceMemoryError>("memory"), kind<DeviceError>("device"),
    kind<OutputError>("output"), kind<ModelError>("model"),         kind<RefusedError>("refused"),
    kind<FormatError>("format"), kind<UsageError>("usage"),         kind<InputError>("input")};

std::string kind_of(const Error& error) {
  for (const Kind& one : kKinds)
    if (one.holds(error)) return one.name;
  return "input";
}

// What work() gave or threw, as all ranks are told it.
Json outcome(const std::function<Json()>& work) {
  try {
    return Json{{"gives", work()}};
  } catch (const RankError&) {
    throw;
  } catch (const Error& error) {
    return Json{{"kind", kind_of(error)}, {"text", error.what()}};
  }
}

// The rank whose error all throw: the lowest that failed, one that was stopped last of all.
std::optional<std::size_t> failed_rank(const std::vector<Json>& all) {
  std::optional<std::size_t> stopped;
  for (std::size_t r = 0; r < all.size(); ++r) {
    if (!all[r].contains("kind")) continue;
    if (all[r]["kind"].text_or("") != "stopped") return r;
    if (!stopped) stopped = r;
  }
  return stopped;
}

[[noreturn]] void raise_kind(std::string_view kind, const std::string& text) {
  for (const Kind& one : kKinds)
    if (kind == one.name) one.raise(text);
  throw InputError(text);
}

}  // namespace

struct Ranks::Link {
  std::unique_ptr<RankStore> store;
  std::vector<std::string> names;
  std::unique_ptr<RankWatch> watch;
  std::unique_ptr<RankGroup> group;
  bool broken = false;  // the ranks cannot go on together
  bool over = false;    // all of them know of an error, and end

  // Nobody waits for anybody from here on.
  [[noreturn]] void fail(const std::string& text) {
    broken = true;
    throw RankError(text);
  }
  void check() {
    if (const std::string text = watch->verdict(); !text.empty()) fail(text);
  }
  void wait(PendingWork& work) {
    while (!work.wait_for(kLook)) {
      watch->alive();
      check();
    }
    watch->alive();
    try {
      work.finish();
    } catch (const LinkError& error) {
      fail(watch->find_culprit(error.what()));
    }
  }
  template <typename Start>
  std::unique_ptr<PendingWork> started(const Start& start) {
    check();
    try {
      return start();
    } catch (const LinkError& error) {
      fail(watch->find_culprit(error.what()));
    }
  }
};

Ranks::Ranks(const RankPlace& place, std::unique_ptr<Link> link)
    : place_(place), link_(std::move(link)) {}

std::unique_ptr<Ranks> Ranks::join(const RankPlace& place, const std::string& job, double limit_s) {
  if (place.count == 1) return std::unique_ptr<Ranks>(new Ranks(place, nullptr));
  const milliseconds limit(static_cast<std::int64_t>(limit_s * 1000));
  auto link = std::make_unique<Link>();
  MetRanks met = meet_ranks(place, job, limit);
  link->store = std::move(met.store);
  link->names = std::move(met.names);
  try {
    link->watch = std::make_unique<RankWatch>(link->store->clone(), place.rank, link->names, limit);
    link->group = std::make_unique<RankGroup>(*link->store, place, limit);
  } catch (const LinkError& error) {
    throw RankError(explain(place.text(), error.what(), "connections between all ranks",
                            "GLOO_SOCKET_IFNAME names the network that they use"));
  }
  return std::unique_ptr<Ranks>(new Ranks(place, std::move(link)));
}

// Rank 0 keeps the store, and so leaves last.
Ranks::~Ranks() {
  if (!link_) return;
  Link& l = *link_;
  // An error of this rank alone, which the others wait for in vain.
  const bool alone = std::uncaught_exceptions() > 0 && !l.over && !l.broken;
  if (alone)
    l.watch->accuse(l.names[static_cast<std::size_t>(rank())] + " has ended; its messages say why");
  if (l.broken || alone) l.group->abandon();
  const bool answers = l.watch->end();
  try {
    if (!answers) {
      static_cast<void>(l.store.release());  // a call of it may hang
      return;
    }
    l.store->add("left", 1);
    const auto end = Clock::now() + kLeave;
    while (first() && l.store->add("left", 0) < count() && Clock::now() < end)
      std::this_thread::sleep_for(kLook / 5);
  } catch (const LinkError&) {  // rank 0 has left
  }
}

bool Ranks::takes(at::Device device) const {
  return device.is_cpu() || (link_ && link_->group->uses_gpus());
}

std::string Ranks::use(at::Device device, Collectives wanted) {
  if (!link_ || !device.is_cuda()) return {};
  constexpr const char* kByCpu = "gradients travel over Gloo, by way of the CPU";
  if (wanted == Collectives::kGloo) return kByCpu;
  const auto visible = [] {
    const char* text = std::getenv("CUDA_VISIBLE_DEVICES");
    return std::string(text != nullptr ? text : "all");
  };
  const auto all = share([&] {
    return Json{{"nccl", RankGroup::has_nccl()},
                {"gpu", fmt::format("{} {} {}", host_name(), visible(), device.index())}};
  });
  std::set<std::string> gpus;
  std::string lacks;
  for (std::size_t r = 0; r < all.size(); ++r) {
    if (!all[r]["nccl"].flag().value_or(false))
      lacks = "the CUDA half of " + link_->names[r] + " was built without NCCL";
    else if (!gpus.insert(std::string(all[r]["gpu"].text_or(""))).second && lacks.empty() &&
             wanted == Collectives::kAuto)
      lacks = link_->names[r] + " has the GPU of another rank";
  }
  if (!lacks.empty()) {
    if (wanted == Collectives::kAuto) return fmt::format("{} ({})", kByCpu, lacks);
    leave_speaking_to_first();
    throw RankError(explain("--collectives nccl", lacks, "NCCL on all ranks",
                            "make setup CUDA=1 and build anew, or --collectives gloo"));
  }
  Link& l = *link_;
  const at::Tensor one = at::ones({1}, at::TensorOptions(device));
  try {
    l.group->use_gpus(*l.store, place_);
  } catch (const LinkError& error) {
    l.fail(l.watch->find_culprit(error.what()));
  }
  l.wait(*l.started([&] { return l.group->sum(one); }));  // connects them
  if (one.item<float>() != static_cast<float>(count()))
    l.fail(fmt::format("NCCL added up {} ranks to {}", count(), one.item<float>()));
  return "gradients travel over NCCL";
}

bool Ranks::stop_asked() const { return link_ && link_->watch->stop_asked(); }
bool Ranks::broken() const { return link_ && link_->broken; }
void Ranks::alive() {
  if (link_) link_->watch->alive();
}

void Ranks::give_up(const std::string& why) {
  if (!link_) throw RankError(why);
  link_->watch->accuse(link_->names[static_cast<std::size_t>(rank())] + " has ended: " + why);
  link_->fail(why);
}

void Ranks::leave_speaking_to_first() const {
  if (!link_) return;
  link_->over = true;
  if (!first()) start_log("vega", LogLevel::kOff);
}

std::vector<Json> Ranks::gather(const Json& own) {
  Link& l = *link_;
  const std::string text = own.dump();
  const auto ranks = static_cast<std::size_t>(count());
  const auto collect = [&](const at::Tensor& mine) {
    std::vector<at::Tensor> all;
    for (std::size_t r = 0; r < ranks; ++r) all.push_back(at::empty_like(mine));
    l.wait(*l.started([&] { return l.group->gather(mine, all); }));
    return all;
  };
  const auto lengths = collect(at::full({1}, static_cast<std::int64_t>(text.size()), at::kLong));
  std::int64_t longest = 0;
  for (const at::Tensor& one : lengths) longest = std::max(longest, one.item<std::int64_t>());
  const at::Tensor bytes = at::zeros({longest}, at::kByte);
  std::memcpy(bytes.data_ptr(), text.data(), text.size());
  const auto all = collect(bytes);
  std::vector<Json> out;
  for (std::size_t r = 0; r < ranks; ++r) {
    const std::string_view there(static_cast<const char*>(all[r].const_data_ptr()),
                                 static_cast<std::size_t>(lengths[r].item<std::int64_t>()));
    out.push_back(parse_json(there).value_or(Json()));
  }
  return out;
}

std::vector<Json> Ranks::agreed(const std::function<Json()>& work, bool free) {
  if (!link_ || link_->broken) return {work()};
  Link& l = *link_;
  l.watch->free(free);
  const Json own = outcome(work);
  l.watch->free(false);
  const std::vector<Json> all = gather(own);
  const auto failed = failed_rank(all);
  if (!failed) {
    std::vector<Json> out;
    for (const Json& one : all) out.push_back(one["gives"]);
    return out;
  }
  leave_speaking_to_first();
  const Json& error = all[*failed];
  std::string text(error["text"].text_or(""));
  // What all ranks met alike needs no rank's name.
  const bool alike =
      std::ranges::all_of(all, [&](const Json& one) { return one["text"] == error["text"]; });
  if (*failed != 0 && !alike) text = l.names[*failed] + ": " + text;
  raise_kind(error["kind"].text_or(""), text);
}

std::vector<Json> Ranks::share(const std::function<Json()>& work) { return agreed(work, true); }
std::vector<Json> Ranks::share_steadily(const std::function<Json()>& work) {
  return agreed(work, false);
}
void Ranks::together(const std::function<void()>& work) {
  share([&] {
    work();
    return Json();
  });
}

std::unique_ptr<PendingWork> Ranks::begin_sum(const at::Tensor& flat) {
  return link_->started([&] { return link_->group->sum(flat); });
}
std::unique_ptr<PendingWork> Ranks::begin_sum_at(const at::Tensor& flat, int owner) {
  return link_->started([&] { return link_->group->sum_at(flat, owner); });
}
std::unique_ptr<PendingWork> Ranks::begin_spread(const at::Tensor& flat, int owner) {
  return link_->started([&] { return link_->group->spread(flat, owner); });
}
void Ranks::end(PendingWork& work) { link_->wait(work); }

}  // namespace vega
