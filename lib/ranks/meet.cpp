#include "ranks/meet.h"

#include <fmt/format.h>
#include <unistd.h>

#include <random>
#include <thread>
#include <utility>

#include "base/build_info.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/json.h"
#include "base/stop.h"
#include "ranks/error.h"
#include "ranks/watch.h"

namespace vega {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kPoll{50}, kTry{1000};
constexpr std::size_t kNamed = 8;
constexpr auto kBegin = "begin";
const std::string kFirstOfTold = ":";  // no value of the store is empty

std::string rank_key(int rank) { return "rank/" + std::to_string(rank); }

std::string name_of(const Json& entry) {
  return fmt::format("rank {} ({}, process {})", entry["rank"].whole().value_or(-1),
                     entry["host"].text_or("?"), entry["process"].whole().value_or(0));
}

std::string seconds_text(milliseconds time) {
  return fmt::format("{:g} s", std::chrono::duration<double>(time).count());
}

std::string where_text(const RankPlace& place) {
  return fmt::format("{}:{}", place.host, place.port);
}

std::unique_ptr<RankStore> reach_store(const RankPlace& place, Clock::time_point end,
                                       milliseconds limit) {
  try {
    for (;;) {
      if (auto store = RankStore::open(place, kTry)) return store;
      check_stop();
      if (Clock::now() >= end) break;
      std::this_thread::sleep_for(kPoll);
    }
  } catch (const LinkError& error) {
    throw RankError(explain(where_text(place), error.what(), "a free port of this host",
                            "another job may have it: set MASTER_PORT to another one"));
  }
  throw RankError(explain(where_text(place),
                          fmt::format("nothing that listens there, for {}", seconds_text(limit)),
                          fmt::format("rank 0 of {}, which has not come", place.count),
                          "start all ranks; --rank-timeout waits longer"));
}

// The numbers of ranks that have not come; "" where all are there.
std::string absent_ranks(RankStore& store, const RankPlace& place) {
  std::string out;
  std::size_t count = 0;
  for (int r = 0; r < place.count; ++r) {
    if (store.has({rank_key(r)})) continue;
    if (++count <= kNamed) out += (count == 1 ? "" : ", ") + std::to_string(r);
  }
  if (count > kNamed) out += fmt::format(" and {} more", count - kNamed);
  return out.empty() ? out : (count == 1 ? "rank " : "ranks ") + out;
}

// Of rank 0: what all ranks are told, "" where they may begin.
std::string judge(RankStore& store, const RankPlace& place, const std::vector<std::string>& keys,
                  Clock::time_point end, milliseconds limit) {
  while (!store.has(keys)) {
    check_stop();
    if (Clock::now() >= end)
      return explain(
          place.text(),
          fmt::format("{} missing after {}", absent_ranks(store, place), seconds_text(limit)),
          fmt::format("{} ranks", place.count),
          "start all of them at once; --rank-timeout waits longer, --launcher none "
          "trains with one rank");
    std::this_thread::sleep_for(kPoll);
  }
  const auto entries = store.values(keys);
  const Json first = *parse_json(entries[0]);
  for (const std::string& text : entries) {
    const Json entry = parse_json(text).value_or(Json());
    if (entry["job"] == first["job"]) continue;
    return explain(
        name_of(entry), entry["job"].text_or("?"),
        fmt::format("{}, as rank 0 has", first["job"].text_or("?")),
        fmt::format("another job meets at {} too: set another MASTER_PORT", where_text(place)));
  }
  return "";
}

std::string told_by_first(RankStore& store, Clock::time_point end, milliseconds limit) {
  while (!store.has({kBegin})) {
    check_stop();
    if (Clock::now() >= end)
      return fmt::format("rank 0 has told nothing for {}; --rank-timeout waits longer",
                         seconds_text(limit));
    std::this_thread::sleep_for(kPoll);
  }
  return store.values({kBegin}).front().substr(1);
}

}  // namespace

MetRanks meet_ranks(const RankPlace& place, const std::string& job, milliseconds limit) {
  MetRanks out;
  out.store = reach_store(place, Clock::now() + limit, limit);
  std::string told;
  try {
    RankStore& store = *out.store;
    // The number tells processes apart whose hosts have one name.
    const Json own{{"rank", place.rank},
                   {"host", host_name()},
                   {"process", getpid()},
                   {"number", std::random_device()()},
                   {"job", job}};
    const std::string there = store.claim(rank_key(place.rank), own.dump());
    if (there != own.dump())
      throw RankError(explain(
          place.text(), name_of(own),
          name_of(parse_json(there).value_or(Json())) + ", which has this number already",
          fmt::format("another job meets at {} too: set another MASTER_PORT", where_text(place))));
    RankWatch::announce(store, place.rank);
    std::vector<std::string> keys;
    for (int r = 0; r < place.count; ++r) keys.push_back(rank_key(r));
    // Rank 0 judges; the others give it a little longer.
    if (place.rank == 0) {
      told = judge(store, place, keys, Clock::now() + limit, limit);
      store.set(kBegin, kFirstOfTold + told);
    } else {
      told = told_by_first(store, Clock::now() + limit + limit / 10 + 2 * kTry, limit);
    }
    if (told.empty())
      for (const std::string& entry : store.values(keys))
        out.names.push_back(name_of(parse_json(entry).value_or(Json())));
    else if (place.rank == 0)
      std::this_thread::sleep_for(10 * kPoll);  // the others read it from this process
  } catch (const LinkError& error) {
    throw RankError(explain(place.text(), error.what(), "a store that answers",
                            "rank 0 may have ended: see its messages"));
  }
  if (!told.empty()) throw RankError(told);
  return out;
}

}  // namespace vega
