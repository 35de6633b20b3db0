// Ranks as threads of one process: each has its own connections.
#include "ranks/ranks.h"

#include <ATen/ATen.h>
#include <arpa/inet.h>
#include <c10/core/GradMode.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <cmath>
#include <thread>

#include "base/error.h"
#include "base/stop.h"
#include "core/device.h"
#include "ranks/lent_tensors.h"
#include "ranks/link.h"
#include "ranks/owned_sums.h"
#include "support/cuda.h"

using namespace vega;

namespace {

// A socket that listens at a port of this machine; 0: at any that is free.
int listening(int port) {
  const int socket_fd = socket(AF_INET6, SOCK_STREAM, 0);
  sockaddr_in6 address{};
  address.sin6_family = AF_INET6;
  address.sin6_addr = in6addr_any;
  address.sin6_port = htons(static_cast<std::uint16_t>(port));
  REQUIRE(bind(socket_fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0);
  REQUIRE(listen(socket_fd, 1) == 0);
  return socket_fd;
}

int free_port() {
  const int socket_fd = listening(0);
  sockaddr_in6 address{};
  socklen_t size = sizeof(address);
  REQUIRE(getsockname(socket_fd, reinterpret_cast<sockaddr*>(&address), &size) == 0);
  close(socket_fd);
  return ntohs(address.sin6_port);
}

RankPlace place_of(int rank, int count, int port) {
  RankPlace out;
  out.launcher = Launcher::kTorchrun;
  out.rank = out.local_rank = rank;
  out.count = out.local_count = count;
  out.host = "127.0.0.1";
  out.port = port;
  return out;
}

// Runs body(rank) in a thread each, and returns what each of them threw.
std::vector<std::string> in_threads(int count, const std::function<void(int)>& body) {
  std::vector<std::string> errors(static_cast<std::size_t>(count));
  std::vector<std::thread> threads;
  for (int r = 0; r < count; ++r)
    threads.emplace_back([&, r] {
      try {
        body(r);
      } catch (const std::exception& error) {
        errors[static_cast<std::size_t>(r)] = error.what();
      }
    });
  for (std::thread& thread : threads) thread.join();
  return errors;
}

constexpr double kLong = 600;  // s: no limit that a busy machine could reach

}  // namespace

TEST_CASE("one rank works alone") {
  const auto ranks = Ranks::join({}, "job", 1);
  CHECK((ranks->first() && ranks->count() == 1));
  const at::Tensor value = at::ones({3});
  ranks->sum({value});
  CHECK(at::equal(value, at::ones({3})));
  CHECK(ranks->share([] { return Json(7); }).at(0) == Json(7));
  CHECK_THROWS_AS(ranks->together([] { throw FormatError("x"); }), FormatError);
}

TEST_CASE("ranks sum tensors, with the same bits everywhere, and tell each other") {
  const int port = free_port();
  constexpr int kCount = 3;
  // Three buckets: small ones together, one that is larger than a bucket, another type.
  std::vector<std::vector<at::Tensor>> sums(kCount);
  const auto input = [](int rank, std::int64_t numel) {
    return at::sin(at::arange(numel, at::kFloat) + 100 * rank);
  };
  const std::vector<std::int64_t> sizes{5, 1, 7 << 20, 1000};
  const auto errors = in_threads(kCount, [&](int r) {
    const auto ranks = Ranks::join(place_of(r, kCount, port), "job", kLong);
    std::vector<at::Tensor> own;
    for (const std::int64_t size : sizes) own.push_back(input(r, size));
    own[3] = own[3].view({10, 100});
    own.push_back(at::full({2}, r + 1, at::kDouble));
    ranks->sum(own);
    sums[static_cast<std::size_t>(r)] = own;
    const auto told = ranks->share([&] { return Json{{"rank", r}, {"value", 0.1 * r}}; });
    for (int other = 0; other < kCount; ++other) {
      const Json& one = told.at(static_cast<std::size_t>(other));
      if (one["rank"].whole() != other || one["value"].number() != 0.1 * other)
        throw std::runtime_error("told " + one.dump());
    }
  });
  CHECK(errors == std::vector<std::string>(kCount));
  for (int r = 1; r < kCount; ++r)
    for (std::size_t i = 0; i < sums[0].size(); ++i)
      CHECK(at::equal(sums[0][i], sums[static_cast<std::size_t>(r)][i]));
  CHECK(at::equal(sums[0][4], at::full({2}, 6, at::kDouble)));
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    const at::Tensor exact =
        (input(0, sizes[i]).to(at::kDouble) + input(1, sizes[i]) + input(2, sizes[i]));
    // Two additions of numbers below 1 and 2, each rounded to half a unit of 2^-23 at most.
    const double bound = 2 * std::ldexp(1.0, -23);
    CHECK((sums[0][i].reshape({-1}) - exact).abs().max().item<double>() <= bound);
  }
}

TEST_CASE("tensors of owners come to all ranks, and sums to owners alone") {
  const int port = free_port();
  constexpr int kCount = 3;
  // Of one rank's tensors the second is larger than a bucket; one is no block of memory; two types.
  const std::vector<int> owners{0, 1, 1, 2, 1, 0};
  const auto value = [](int rank, std::int64_t numel) {
    return at::arange(numel, at::kFloat) + 1000 * rank;
  };
  const auto all_of = [&](int rank) {
    return std::vector<at::Tensor>{value(rank, 4),
                                   value(rank, 7 << 20),
                                   value(rank, 3),
                                   value(rank, 6).view({2, 3}).t(),
                                   value(rank, 5).to(at::kDouble),
                                   value(rank, 2).set_requires_grad(true)};
  };
  std::vector<std::vector<at::Tensor>> spread(kCount);
  std::vector<at::Tensor> sums(kCount);
  const auto errors = in_threads(kCount, [&](int r) {
    const auto ranks = Ranks::join(place_of(r, kCount, port), "job", kLong);
    auto& own = spread[static_cast<std::size_t>(r)] = all_of(r);
    ranks->spread(own, owners);
    auto& sum = sums[static_cast<std::size_t>(r)] = value(r, 10);
    ranks->end(*ranks->begin_sum_at(sum, 1));
  });
  CHECK(errors == std::vector<std::string>(kCount));
  for (int r = 0; r < kCount; ++r)
    for (std::size_t i = 0; i < owners.size(); ++i)
      CHECK(at::equal(spread[static_cast<std::size_t>(r)][i], all_of(owners[i])[i]));
  CHECK(at::equal(sums[1], 3 * at::arange(10, at::kFloat) + 3000));
}

TEST_CASE("owners sum what all ranks give, while they give it, over several rounds") {
  const int port = free_port();
  constexpr int kCount = 2;
  // Buckets, in this order: place 3 of rank 1, larger than one; 2 of rank 0; of the second stage 0
  // of rank 0 and 1 of rank 1.
  const std::vector<int> owners{0, 1, 0, 1};
  const auto value = [](int rank, int round, std::int64_t numel) {
    return at::arange(numel, at::kFloat) * (1 + rank) + round;
  };
  const std::vector<std::int64_t> sizes{4, 3, 2, 7 << 20};
  std::vector<std::vector<at::Tensor>> sums(kCount);
  const auto errors = in_threads(kCount, [&](int r) {
    const auto ranks = Ranks::join(place_of(r, kCount, port), "job", kLong);
    std::vector<at::Tensor> like;
    for (const std::int64_t size : sizes) like.push_back(at::empty({size}));
    OwnedSums out(*ranks, like, owners, {{3, 2}, {1, 0}});
    const auto begun = [&](std::size_t count) {
      if (out.begun() != count) throw std::runtime_error("begun " + std::to_string(out.begun()));
    };
    if (out.bucket_count() != 4) throw std::runtime_error("other buckets");
    for (int round = 0; round < 2; ++round) {
      // In the second round rank 1 has nothing, and place 1 has no value anywhere.
      const bool gives = round == 0 || r == 0;
      begun(0);
      out.give(0, gives ? value(r, round, 4) : at::Tensor());
      begun(0);  // the large one comes first
      out.give(3, gives ? value(r, round, sizes[3]) : at::Tensor());
      begun(1);
      out.give(2, gives ? value(r, round, 2) : at::Tensor());
      begun(3);
      if (round == 0) out.give(1, value(r, round, 3));
      out.end_round();
    }
    for (std::size_t i = 0; i < sizes.size(); ++i)
      sums[static_cast<std::size_t>(r)].push_back(out.sum(i));
    out.clear();
    if (out.sum(static_cast<std::size_t>(r)).defined()) throw std::runtime_error("not cleared");
  });
  CHECK(errors == std::vector<std::string>(kCount));
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    at::Tensor whole = value(0, 0, sizes[i]) + value(1, 0, sizes[i]);
    if (i != 1) whole += value(0, 1, sizes[i]);
    const auto owner = static_cast<std::size_t>(owners[i]);
    CHECK(at::equal(sums[owner][i], whole));
    CHECK_FALSE(sums[1 - owner][i].defined());
  }
}

TEST_CASE("sums that every rank keeps begin while later values are made") {
  const int port = free_port();
  constexpr int kCount = 3;
  constexpr std::int64_t kLarge = 1 << 20;
  std::vector<std::vector<at::Tensor>> sums(kCount);
  const auto errors = in_threads(kCount, [&](int r) {
    const auto ranks = Ranks::join(place_of(r, kCount, port), "job", kLong);
    const std::vector<at::Tensor> like{at::empty({2, 3}), at::empty({kLarge}), at::empty({4})};
    OwnedSums out(*ranks, like, std::vector<int>(3, kEveryRank), {{1}, {2, 0}});
    if (out.bucket_count() != 2) throw std::runtime_error("other buckets");
    out.give(1, at::full({kLarge}, 0.5 + r));
    if (out.begun() != 1) throw std::runtime_error("not begun");
    // Rank 1 has nothing else, and place 0 has a value of rank 2 alone.
    if (r == 2) out.give(0, at::full({2, 3}, -0.0));
    if (r != 1) out.give(2, at::arange(4, at::kFloat));
    out.end_round();
    for (std::size_t i = 0; i < like.size(); ++i)
      sums[static_cast<std::size_t>(r)].push_back(out.sum(i));
  });
  CHECK(errors == std::vector<std::string>(kCount));
  for (const auto& of_rank : sums) {
    REQUIRE(of_rank.size() == 3);
    CHECK((of_rank[0] == 0).all().item<bool>());
    CHECK(at::signbit(of_rank[0]).all().item<bool>());  // no bit of a rank's number changes
    CHECK((of_rank[1] == 4.5).all().item<bool>());
    CHECK(at::equal(of_rank[2], 2 * at::arange(4, at::kFloat)));
  }
}

TEST_CASE("what one rank keeps comes to all of them, a group at a time") {
  const int port = free_port();
  constexpr int kCount = 3;
  // A group of two owners and two types, and one of a single tensor, which comes twice.
  const std::vector<std::vector<int>> owners{{0, 1, 0, 1}, {2}};
  const std::vector<std::vector<at::ScalarType>> types{
      {at::kFloat, at::kBFloat16, at::kFloat, at::kFloat}, {at::kDouble}};
  const auto value = [](std::size_t group, std::size_t place, double step) {
    return at::arange(35, at::kFloat).view({5, 7}).div(3) + 100.0 * static_cast<double>(group) +
           10.0 * static_cast<double>(place) + step;
  };
  std::vector<std::vector<std::vector<at::Tensor>>> got(kCount);
  const auto errors = in_threads(kCount, [&](int r) {
    const auto ranks = Ranks::join(place_of(r, kCount, port), "job", kLong);
    std::vector<std::vector<LentTensor>> groups(owners.size());
    for (std::size_t g = 0; g < owners.size(); ++g)
      for (std::size_t i = 0; i < owners[g].size(); ++i)
        groups[g].push_back({owners[g][i] == r ? value(g, i, 0).set_requires_grad(true)
                                               : at::full({1}, NAN).expand({5, 7}),
                             owners[g][i], types[g][i]});
    LentTensors lent(*ranks, groups);
    lent.begin(1);
    lent.begin(0);
    if (lent.begun() != 2) throw std::runtime_error("not begun");
    auto& out = got[static_cast<std::size_t>(r)];
    out.push_back(lent.take());
    out.push_back(lent.take());
    // The owner's values as they are by then; what was taken before stays as it was.
    const c10::NoGradGuard no_gradients;
    if (r == 2) groups[1][0].kept.add_(1);
    lent.begin(1);
    out.push_back(lent.take());
    if (lent.begun() != 0) throw std::runtime_error("not taken");
  });
  CHECK(errors == std::vector<std::string>(kCount));
  for (const auto& of_rank : got) {
    REQUIRE(of_rank.size() == 3);
    CHECK(at::equal(of_rank[0].at(0), value(1, 0, 0).to(at::kDouble)));
    CHECK(at::equal(of_rank[2].at(0), value(1, 0, 1).to(at::kDouble)));
    for (std::size_t i = 0; i < owners[0].size(); ++i) {
      const at::Tensor& one = of_rank[1].at(i);
      CHECK(at::equal(one, value(0, i, 0).to(types[0][i])));
      CHECK(one.is_contiguous());
      CHECK_FALSE(one.requires_grad());
      CHECK(reinterpret_cast<std::uintptr_t>(one.const_data_ptr()) % 64 == 0);
    }
  }
}

TEST_CASE("a rank that gives up or dies while gradients are exchanged is named by all others") {
  for (const bool says_why : {true, false}) {
    const int port = free_port();
    const auto errors = in_threads(3, [&](int r) {
      const auto ranks = Ranks::join(place_of(r, 3, port), "job", kLong);
      const std::vector<at::Tensor> like(3, at::empty({7 << 20}));  // each is a bucket
      OwnedSums sums(*ranks, like, {0, 1, 2}, {{0, 1, 2}});
      sums.give(0, at::ones({7 << 20}));
      if (r == 1 && says_why) ranks->give_up("no memory for a bucket");
      if (r == 1) throw std::runtime_error("a bug");
      sums.end_round();
    });
    CHECK(errors[1] == (says_why ? "no memory for a bucket" : "a bug"));
    for (const int r : {0, 2})
      CHECK_THAT(errors[static_cast<std::size_t>(r)],
                 Catch::StartsWith("rank 1 (") && Catch::Contains("has ended") &&
                     (!says_why ? Catch::Contains("") : Catch::Contains("no memory for a bucket")));
  }
}

TEST_CASE("an error of one rank is an error of all, of the same kind") {
  const int port = free_port();
  std::vector<std::string> kinds(3);
  const auto errors = in_threads(3, [&](int r) {
    const auto ranks = Ranks::join(place_of(r, 3, port), "job", kLong);
    try {
      ranks->together([&] {
        if (r == 0) throw Stopped("stopped by SIGTERM");
        if (r == 2) throw OutputError("the disk is full");
      });
    } catch (const OutputError&) {
      kinds[static_cast<std::size_t>(r)] = "output";
      throw;
    }
  });
  CHECK(kinds == std::vector<std::string>(3, "output"));
  for (const std::string& error : errors)
    CHECK_THAT(error, Catch::StartsWith("rank 2 (") && Catch::EndsWith("): the disk is full"));
}

TEST_CASE("ranks that do not come are named") {
  const int port = free_port();
  const auto errors =
      in_threads(2, [&](int r) { Ranks::join(place_of(2 * r, 4, port), "job", 2); });
  // Where the machine is busy, rank 2 may itself come too late, or after rank 0 has given up.
  for (const std::string& error : errors)
    CHECK_THAT(error, Catch::Contains("ranks 1, 3 missing after 2 s") ||
                          Catch::Contains("ranks 1, 2, 3 missing after 2 s") ||
                          Catch::Contains("rank 0 of 4, which has not come"));
  CHECK_THAT(errors[0], Catch::Contains(" missing after 2 s") && Catch::Contains("by torchrun"));
  std::string alone;
  try {
    Ranks::join(place_of(1, 2, free_port()), "job", 0.2);
  } catch (const RankError& error) {
    alone = error.what();
  }
  CHECK_THAT(alone, Catch::Contains("nothing that listens there") &&
                        Catch::Contains("rank 0 of 2, which has not come"));
}

TEST_CASE("ranks of two jobs do not mix") {
  const int port = free_port();
  const auto errors = in_threads(
      2, [&](int r) { Ranks::join(place_of(r, 2, port), r == 0 ? "run-a" : "run-b", kLong); });
  for (const std::string& error : errors)
    CHECK_THAT(error,
               Catch::Contains("rank 1 (") && Catch::Contains("run-b") && Catch::Contains("run-a"));
}

TEST_CASE("a rank's number and a port that are taken are errors") {
  const int port = free_port();
  std::atomic<bool> refused{false};
  const auto errors = in_threads(3, [&](int r) {
    try {
      const auto ranks = Ranks::join(place_of(std::min(r, 1), 2, port), "job", kLong);
      ranks->together([&] {
        while (!refused) std::this_thread::yield();
      });
    } catch (...) {
      refused = true;
      throw;
    }
  });
  CHECK(errors[0] == "");
  CHECK((errors[1] == "") != (errors[2] == ""));
  CHECK_THAT(errors[1] + errors[2],
             Catch::Contains("has this number already") && Catch::Contains("MASTER_PORT"));

  const int taken = free_port();
  const int socket_fd = listening(taken);
  std::string error;
  try {
    Ranks::join(place_of(0, 2, taken), "job", kLong);
  } catch (const RankError& found) {
    error = found.what();
  }
  close(socket_fd);
  CHECK_THAT(error, Catch::Contains("a free port of this host") && Catch::Contains("MASTER_PORT"));
}

TEST_CASE("a rank that ends early or does nothing is named by all others") {
  const int port = free_port();
  const auto errors = in_threads(3, [&](int r) {
    const auto ranks = Ranks::join(place_of(r, 3, port), "job", kLong);
    if (r == 1) throw std::runtime_error("a bug");
    ranks->together([] {});
  });
  CHECK(errors[1] == "a bug");
  for (const int r : {0, 2})
    CHECK_THAT(errors[static_cast<std::size_t>(r)],
               Catch::StartsWith("rank 1 (") && Catch::Contains("has ended"));

  const int second = free_port();
  std::atomic<int> gone{0};  // ranks that have given up
  const auto hung = in_threads(3, [&](int r) {
    const auto ranks = Ranks::join(place_of(r, 3, second), "job", 5);
    try {
      ranks->share_steadily([&] {
        while (r == 2 && gone < 2) std::this_thread::sleep_for(std::chrono::milliseconds(10));
        return Json();
      });
    } catch (...) {
      ++gone;
      throw;
    }
  });
  for (const std::string& error : hung)
    CHECK_THAT(error, Catch::StartsWith("rank 2 (") && Catch::Contains("has done nothing for 5 s"));
}

TEST_CASE("a single rank's tensor on a GPU is its own sum", "[cuda]") {
  if (!test::has_cuda("collectives")) return;
  if (!RankGroup::has_nccl()) return test::note_skip("the CUDA half was built without NCCL");
  const RankPlace place = place_of(0, 1, free_port());
  const auto store = RankStore::open(place, std::chrono::minutes(1));
  REQUIRE(store != nullptr);
  RankGroup group(*store, place, std::chrono::minutes(1));
  CHECK_FALSE(group.uses_gpus());
  group.use_gpus(*store, place);
  CHECK(group.uses_gpus());
  const at::Tensor expected = at::arange(1000, at::TensorOptions(at::kFloat));
  const at::Tensor values = expected.to(at::Device(at::kCUDA, 0));
  for (int how = 0; how < 3; ++how) {
    INFO(how);
    const auto work = how == 0   ? group.sum(values)
                      : how == 1 ? group.sum_at(values, 0)
                                 : group.spread(values, 0);
    while (!work->wait_for(std::chrono::milliseconds(50))) {
    }
    work->finish();
    CHECK(at::equal(values.cpu(), expected));
  }
}

// NCCL wants a GPU for each rank; on the emulated device two ranks share one.
TEST_CASE("tensors on GPUs travel as they are", "[cuda]") {
  if (!test::has_cuda("collectives")) return;
  const bool emulated = device_name({at::kCUDA, 0}).find("emulation") != std::string::npos;
  const int gpus = cuda_device_count();
  if (!RankGroup::has_nccl()) return test::note_skip("the CUDA half was built without NCCL");
  if (!emulated && gpus < 2) return test::note_skip("NCCL between ranks: one GPU alone");
  const int port = free_port();
  constexpr int kCount = 2;
  std::vector<std::vector<at::Tensor>> sums(kCount), spread(kCount), lent(kCount), owned(kCount);
  const auto errors = in_threads(kCount, [&](int rank) {
    const c10::NoGradGuard no_gradients;
    const at::Device device(at::kCUDA, static_cast<c10::DeviceIndex>(emulated ? 0 : rank));
    const auto ranks = Ranks::join(place_of(rank, kCount, port), "job", kLong);
    const auto r = static_cast<std::size_t>(rank);
    const auto on_gpu = [&](at::Tensor values) { return values.to(device); };
    if (ranks->takes(device)) throw InputError("a GPU's tensors travel before use()");
    const at::Tensor before = on_gpu(at::full({3}, 1.0 + rank));
    ranks->sum({before});  // by way of the CPU
    sums[r].push_back(before.cpu());
    if (ranks->use(device, Collectives::kNccl).find("NCCL") == std::string::npos)
      throw InputError("NCCL is not used");
    if (!ranks->takes(device)) throw InputError("a GPU's tensors do not travel");
    for (const at::ScalarType type : {at::kFloat, at::kBFloat16}) {
      const at::Tensor a = on_gpu(at::full({5, 7}, 0.25 + rank, type)),
                       b = on_gpu(at::full({1 << 20}, 2.0 * rank, type));
      const at::Tensor turned = on_gpu(at::full({4, 3}, 1.0, type)).t();
      ranks->sum({a, b, turned});
      if (!(turned == kCount).all().item<bool>()) throw InputError("a sum that is not put back");
      sums[r].insert(sums[r].end(), {a.cpu(), b.cpu()});
    }
    const at::Tensor first = on_gpu(at::full({4}, 10.0 + rank)),
                     second = on_gpu(at::full({3, 2}, 20.0 + rank));
    ranks->spread({first, second}, {0, 1});
    spread[r] = {first.cpu(), second.cpu()};
    OwnedSums own(*ranks, {first, second}, {1, 0}, {{1, 0}});
    for (int round = 0; round < 2; ++round) {
      own.give(1, on_gpu(at::full({3, 2}, 1.0 + rank)));
      if (rank == 0) own.give(0, on_gpu(at::full({4}, 5.0)));
      own.end_round();
    }
    const at::Tensor sum = own.sum(rank == 0 ? 1 : 0);
    if (!sum.is_cuda()) throw InputError("a sum that left the GPU");
    owned[r] = {sum.cpu()};
    LentTensors lend(*ranks, {{{first, 0, at::kFloat}, {second, 1, at::kBFloat16}}});
    lend.begin(0);
    for (const at::Tensor& one : lend.take()) {
      if (!one.is_cuda()) throw InputError("a lent tensor that left the GPU");
      lent[r].push_back(one.cpu());
    }
  });
  for (const std::string& error : errors) CHECK(error.empty());
  for (std::size_t r = 0; r < kCount; ++r) {
    INFO("rank " << r);
    REQUIRE(sums[r].size() == 5);
    CHECK(at::equal(sums[r][0], at::full({3}, 3.0)));
    for (const std::size_t i : {1U, 3U}) {
      CHECK((sums[r][i] == 1.5).all().item<bool>());
      CHECK(sums[r][i + 1][0].item<float>() == 2);
    }
    CHECK(at::equal(spread[r][0], at::full({4}, 10.0)));
    CHECK(at::equal(spread[r][1], at::full({3, 2}, 21.0)));
    CHECK((lent[r][0] == 10).all().item<bool>());
    CHECK((lent[r][1] == 21).all().item<bool>());
    CHECK(lent[r][1].scalar_type() == at::kBFloat16);
    CHECK(at::equal(owned[r][0], r == 0 ? at::full({3, 2}, 6.0) : at::full({4}, 10.0)));
  }
}
