#include "ranks/watch.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <utility>

#include "base/clock.h"
#include "base/stop.h"

namespace vega {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kBeat{1000}, kShortestBeat{50};
constexpr int kMissedBeats = 4;  // of a rank that has ended, or sleeps: at least so many
constexpr milliseconds kGrace{1500};
constexpr auto kVerdict = "verdict", kStop = "stop";

double seconds(Clock::duration time) { return std::chrono::duration<double>(time).count(); }

std::string beat_key(int rank) { return "beat/" + std::to_string(rank); }

// "BEATS WORK": how often the thread has written, and how far the work is.
struct Beat {
  std::string count, work;
};
Beat beat_of(const std::string& text) {
  const auto blank = text.find(' ');
  return {text.substr(0, blank), text.substr(std::min(text.size(), blank))};
}

}  // namespace

struct RankWatch::State {
  // What the thread saw last of one rank.
  struct Seen {
    Beat beat;
    Clock::time_point counted, worked;  // when these last changed
  };

  std::unique_ptr<RankStore> store;  // of the thread
  int rank = 0;
  std::vector<std::string> names;
  milliseconds limit, interval;

  std::atomic<std::int64_t> work{0};
  std::atomic<bool> is_free{false}, stop{false}, ended{false}, over{false};
  std::atomic<bool> all_seen{false};  // after a failure every rank reads all beats
  std::mutex mutex;                   // of what follows
  std::condition_variable changed;
  std::string verdict, accusation;
  Clock::time_point answered = Clock::now();  // of the store
  Clock::time_point asked = Clock::now();     // for the verdict
  std::vector<Seen> seen;
  std::thread thread;

  void run();
  void beat(std::int64_t count);
  void look(const std::vector<int>& at, const std::vector<std::string>& beats);
  void settle(const std::string& text);
  std::vector<int> looked_at() const;
  // Whoever writes nothing for so long has ended, or sleeps.
  Clock::duration grace() const {
    return std::max<Clock::duration>(kMissedBeats * interval, kGrace);
  }
};

std::vector<int> RankWatch::State::looked_at() const {
  std::vector<int> out;
  for (int r = 0; r < static_cast<int>(names.size()); ++r)
    if (r != rank && (rank == 0 || r == 0 || all_seen)) out.push_back(r);
  return out;
}

void RankWatch::State::settle(const std::string& text) {
  const std::lock_guard lock(mutex);
  if (verdict.empty()) verdict = text;
  changed.notify_all();
}

void RankWatch::State::look(const std::vector<int>& at, const std::vector<std::string>& beats) {
  const auto now = Clock::now();
  std::string slow;
  {
    const std::lock_guard lock(mutex);
    // A job that was suspended as a whole: its ranks have as much time as before.
    const bool slept = now - answered > std::max<Clock::duration>(limit / 2, 10 * interval);
    answered = now;
    for (std::size_t i = 0; i < at.size(); ++i) {
      Seen& one = seen[static_cast<std::size_t>(at[i])];
      const Beat beat = beat_of(beats[i]);
      if (slept || beat.count != one.beat.count) one.counted = now;
      if (slept || beat.work != one.beat.work) one.worked = now;
      one.beat = beat;
      if (slow.empty() && now - one.worked > limit) {
        const auto silent = now - one.counted;
        slow = names[static_cast<std::size_t>(at[i])] +
               (silent < grace() ? fmt::format(" has done nothing for {} s", seconds(limit))
                                 : fmt::format(" has not answered for {:.0f} s", seconds(silent)));
      }
    }
  }
  if (!slow.empty()) settle(store->claim(kVerdict, slow));
}

void RankWatch::State::beat(std::int64_t count) {
  if (is_free) ++work;
  store->set(beat_key(rank), fmt::format("{} {}", count, work.load()));
  if (stop_requested() && !stop) {
    stop = true;
    store->set(kStop, "1");
  }
  std::string accused;
  {
    const std::lock_guard lock(mutex);
    accused = std::exchange(accusation, {});
  }
  if (!accused.empty()) settle(store->claim(kVerdict, accused));
  if (store->has({kVerdict})) settle(store->values({kVerdict}).front());
  if (!stop && store->has({kStop})) stop = true;
  const std::vector<int> at = looked_at();
  std::vector<std::string> keys;
  for (const int r : at) keys.push_back(beat_key(r));
  look(at, keys.empty() ? keys : store->values(keys));
}

void RankWatch::State::run() {
  try {
    for (std::int64_t count = 1;; ++count) {
      const bool last = over;  // which tells the others of an accusation
      beat(count);
      if (last) break;
      std::unique_lock lock(mutex);
      changed.wait_for(lock, interval, [&] { return over || !accusation.empty(); });
    }
  } catch (const LinkError& error) {
    if (!over)
      settle(fmt::format("{}, which keeps the store of all ranks, has ended or cannot be reached",
                         names[0]));
  }
  const std::lock_guard lock(mutex);
  ended = true;
  changed.notify_all();
}

RankWatch::RankWatch(std::unique_ptr<RankStore> store, int rank, std::vector<std::string> names,
                     milliseconds limit)
    : state_(std::make_shared<State>()) {
  State& s = *state_;
  s.store = std::move(store);
  s.rank = rank;
  s.names = std::move(names);
  s.limit = limit;
  s.interval = std::clamp(limit / 10, kShortestBeat, kBeat);
  s.seen.resize(s.names.size());
  for (auto& one : s.seen) one.counted = one.worked = Clock::now();
  s.thread = std::thread([state = state_] { state->run(); });
}

RankWatch::~RankWatch() { end(); }

void RankWatch::announce(RankStore& store, int rank) { store.set(beat_key(rank), "0 0"); }

void RankWatch::alive() { ++state_->work; }
void RankWatch::free(bool on) {
  ++state_->work;
  state_->is_free = on;
}
bool RankWatch::stop_asked() const { return state_->stop; }

std::string RankWatch::verdict() {
  State& s = *state_;
  const std::lock_guard lock(s.mutex);
  if (!s.verdict.empty() || s.ended) return s.verdict;
  const auto now = Clock::now();
  // A rank that computed for long, or was suspended, gives its thread time to look first.
  if (now - s.asked > s.limit / 2) s.answered = std::max(s.answered, now - s.limit / 2);
  s.asked = now;
  // The thread hangs in a call of the store.
  const auto silent = now - s.answered;
  if (silent > s.limit + 2 * s.interval)
    s.verdict = fmt::format("{}, which keeps the store of all ranks, has not answered for {:.0f} s",
                            s.names[0], seconds(silent));
  return s.verdict;
}

void RankWatch::accuse(const std::string& text) {
  State& s = *state_;
  const std::lock_guard lock(s.mutex);
  if (s.verdict.empty() && s.accusation.empty()) s.accusation = text;
  s.changed.notify_all();
}

std::string RankWatch::find_culprit(const std::string& what) {
  State& s = *state_;
  s.all_seen = true;
  const auto start = Clock::now();
  const auto grace = s.grace();
  std::unique_lock lock(s.mutex);
  const auto known = [&] { return !s.verdict.empty(); };
  // Whoever wrote nothing in the second half of this time has ended: a beat may be on its way.
  if (!s.changed.wait_for(lock, 2 * grace, known)) {
    std::string text;
    for (const int r : s.looked_at())
      if (s.seen[static_cast<std::size_t>(r)].counted < start + grace)
        text += (text.empty() ? "" : ", ") + s.names[static_cast<std::size_t>(r)];
    s.accusation =
        text.empty() ? "the connection between ranks broke: " + what : text + " has ended";
    s.changed.notify_all();
    if (!s.changed.wait_for(lock, s.limit, known)) s.verdict = s.accusation;
  }
  return s.verdict;
}

bool RankWatch::end() {
  State& s = *state_;
  if (!s.thread.joinable()) return true;
  std::unique_lock lock(s.mutex);
  s.over = true;
  s.changed.notify_all();
  const bool ended =
      s.changed.wait_for(lock, 2 * s.interval + kBeat, [&] { return s.ended.load(); });
  lock.unlock();
  if (ended)
    s.thread.join();
  else
    s.thread.detach();
  return ended;
}

}  // namespace vega
