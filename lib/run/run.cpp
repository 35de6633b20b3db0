#include "run/run.h"

#include <fmt/core.h>

#include <algorithm>
#include <future>
#include <optional>
#include <system_error>

#include "base/error.h"
#include "base/log.h"
#include "base/publish.h"
#include "base/stop.h"

namespace vega {
namespace {

// Writes down how long its scope took, also when that ends by an exception.
class Stopwatch {
 public:
  explicit Stopwatch(double& seconds) : seconds_(seconds) {}
  ~Stopwatch() { seconds_ = seconds_since(begun_); }
  Stopwatch(const Stopwatch&) = delete;
  Stopwatch& operator=(const Stopwatch&) = delete;

 private:
  double& seconds_;
  Clock::time_point begun_ = Clock::now();
};

// Work on another thread; where the system gives none, on this one when it is waited for.
template <typename Function>
std::future<void> in_background(Function work) {
  try {
    return std::async(std::launch::async, work);
  } catch (const std::system_error&) {
    return std::async(std::launch::deferred, work);
  }
}

bool is_item_failure(const Error& error) {
  return dynamic_cast<const InputError*>(&error) != nullptr &&
         dynamic_cast<const ModelError*>(&error) == nullptr;
}

// An item in one of the stages; destroying it waits for the stage.
struct Underway {
  std::size_t index = 0;
  ItemReport report;
  std::unique_ptr<ItemWork> work;
  std::future<void> stage;  // last member: waited for before `work` goes
};

class Runner {
 public:
  Runner(const RunPlan& plan, const Context& context, const MakeWork& make)
      : items_(plan.list.items),
        plan_(plan),
        dry_(plan.options.dry_run),
        context_(context),
        make_(make),
        report_(plan.options.report, items_, dry_) {}

  RunResult run();

 private:
  void run_all();
  std::unique_ptr<Underway> start(std::size_t index);
  void compute(std::unique_ptr<Underway> now, double waited);
  void settle();
  void done(Underway& item, bool complete);
  void failed(Underway& item, const InputError& error);
  void log_totals() const;

  const std::vector<Item>& items_;
  const RunPlan& plan_;
  const bool dry_;
  const Context& context_;
  const MakeWork& make_;
  RunReport report_;
  RunResult result_;
  bool stop_early_ = false;
  std::unique_ptr<Underway> finishing_;
};

std::unique_ptr<Underway> Runner::start(std::size_t index) {
  auto item = std::make_unique<Underway>();
  item->index = index;
  item->report.key = items_[index].key;
  item->report.input = items_[index].path.string();
  item->work = make_(items_[index]);
  item->stage = in_background([raw = item.get()] {
    const Stopwatch watch(raw->report.prepare_s);
    raw->work->prepare();
  });
  return item;
}

void Runner::done(Underway& item, bool complete) {
  item.report.output = item.work->output();
  item.work->describe(item.report);
  const Outcome outcome = item.report.outcome;
  if (outcome == Outcome::kFailed) {  // of a dry run: errors among the findings
    result_.failed += 1;
    stop_early_ |= plan_.options.fail_fast;
  } else if (outcome == Outcome::kNotStarted && !dry_) {  // --fail-fast came before it
    return report_.set(item.index, std::move(item.report));
  } else {
    (complete || outcome == Outcome::kComplete ? result_.complete : result_.done) += 1;
  }
  if (!dry_) log_info("{}: {}, {}", item.report.key, name_of(outcome), item.report.output);
  if (!dry_ && plan_.manifest && context_.manifest)
    context_.manifest(item.report.key, item.report.output);
  report_.set(item.index, std::move(item.report));
}

void Runner::failed(Underway& item, const InputError& error) {
  item.report.outcome = Outcome::kFailed;
  item.report.error = error.what();
  report_.set(item.index, item.report);
  if (plan_.list.alone && !dry_) throw;  // the exception in hand, as it is
  log_error("{}: {}", item.report.key, error.what());
  result_.failed += 1;
  stop_early_ |= plan_.options.fail_fast;
}

// Waits for the item that is being written.
void Runner::settle() {
  if (!finishing_) return;
  const std::unique_ptr<Underway> item = std::move(finishing_);
  try {
    item->stage.get();
    report_.add_wait(item->work->wait_s());
    done(*item, false);
  } catch (const InputError& error) {
    if (!is_item_failure(error)) throw;
    failed(*item, error);
  }
}

void Runner::compute(std::unique_ptr<Underway> now, double waited) {
  try {
    now->stage.get();
    if (now->work->complete()) {
      settle();  // the manifest keeps the order of the items
      return done(*now, true);
    }
    if (!now->work->counts_all_waits()) report_.add_wait(waited);
    {
      const Stopwatch watch(now->report.compute_s);
      now->work->compute();
    }
    now->report.compute_s -= now->work->load_s();
    report_.add_load(now->work->load_s());
  } catch (const InputError& error) {
    if (!is_item_failure(error)) throw;
    settle();
    return failed(*now, error);
  }
  const auto begun = Clock::now();
  settle();
  if (!now->work->counts_all_waits()) report_.add_wait(seconds_since(begun));
  now->stage = in_background([raw = now.get()] {
    const Stopwatch watch(raw->report.finish_s);
    raw->work->finish();
  });
  finishing_ = std::move(now);
}

void Runner::run_all() {
  std::unique_ptr<Underway> next;
  for (std::size_t i = 0; i < items_.size() && !stop_early_; ++i) {
    check_stop();
    std::unique_ptr<Underway> now = next ? std::move(next) : start(i);
    const auto begun = Clock::now();
    now->stage.wait();
    const double waited = seconds_since(begun);
    // The item at hand comes first: the next one is prepared while this one computes.
    if (i + 1 < items_.size()) next = start(i + 1);
    compute(std::move(now), waited);
  }
}

RunResult Runner::run() {
  try {
    try {
      run_all();
    } catch (...) {
      settle();  // what is computed gets written; a second failure is the one that is reported
      throw;
    }
    settle();
  } catch (const Error& error) {
    report_.finish(error.exit_code(), error.what());
    throw;
  }
  if (result_.failed > 0) result_.exit_code = plan_.list.alone ? 3 : 4;
  if (!dry_) log_totals();
  if (plan_.notes) report_.note(plan_.notes());
  report_.finish(result_.exit_code);
  return result_;
}

void Runner::log_totals() const {
  if (items_.size() > 1) {
    const auto left = std::ssize(items_) - result_.done - result_.complete - result_.failed;
    log_info("{} written, {} complete already, {} failed{}", result_.done, result_.complete,
             result_.failed, left == 0 ? "" : fmt::format(", {} not started", left));
  }
  if (!plan_.heavy || result_.done == 0) return;
  const double wait = report_.wait_s(), wall = report_.wall_s();
  log_info("computing waited for input {:.2f} of {:.2f} s (compute_wait_s / wall_s {:.3f})", wait,
           wall, wait / std::max(1e-9, wall));
}

}  // namespace

RunResult run_items(const RunPlan& plan, const Context& context, const MakeWork& make) {
  if (!plan.options.dry_run)
    for (const auto& folder : plan.folders) sweep_parts(folder);
  return Runner(plan, context, make).run();
}

}  // namespace vega
