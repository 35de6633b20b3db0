#include "run/report.h"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "base/build_info.h"
#include "base/json.h"
#include "base/publish.h"
#include "run/output_names.h"

namespace vega {
namespace {

constexpr double kPause = 60;  // s between two states of a run that goes on, at least

// Milliseconds are as much as is measured.
double rounded(double seconds) {
  return static_cast<double>(static_cast<long>(seconds * 1e3 + 0.5)) / 1e3;
}

// Whole numbers as such; null where it is not finite.
Json number(double value) {
  if (!std::isfinite(value)) return {};
  if (std::abs(value) >= 9e18) return Json(value);
  const auto whole = static_cast<std::int64_t>(value);
  return value == static_cast<double>(whole) ? Json(whole) : Json(value);
}

Json json_of(const std::vector<Finding>& findings) {
  Json out = Json::list();
  for (const Finding& f : findings) {
    out.push({{"severity", name_of(f.severity)},
              {"topic", f.topic},
              {"where", f.where},
              {"frames", f.frames},
              {"ranges", f.ranges},
              {"what", f.what},
              {"remedy", f.remedy}});
  }
  return out;
}

Json json_of(const Forecast& f) {
  return {{"output_bytes", number(std::round(f.output_bytes))},
          {"host_bytes", number(std::round(f.host_bytes))},
          {"device_bytes", number(std::round(f.device_bytes))},
          {"seconds", number(f.seconds)},
          {"flop", number(f.flops)}};
}

// Findings, forecast and details of an item or of the run.
template <typename Notes>
void join_notes(Json& json, const Notes& notes) {
  if (notes.forecast) json.set("forecast", json_of(*notes.forecast));
  if (notes.forecast || !notes.findings.empty()) json.set("findings", json_of(notes.findings));
  const auto details = parse_json(notes.details);
  if (!details) return;
  for (const auto& [name, value] : details->members()) json.set(name, value);
}

Json json_of(const ItemReport& item) {
  Json json{{"key", item.key}, {"input", item.input}, {"outcome", name_of(item.outcome)}};
  if (!item.output.empty()) json.set("output", item.output);
  if (!item.error.empty()) json.set("error", item.error);
  if (item.outcome != Outcome::kNotStarted) {
    json.set("prepare_s", rounded(item.prepare_s));
    json.set("compute_s", rounded(item.compute_s));
    json.set("finish_s", rounded(item.finish_s));
  }
  for (const auto& [name, value] : item.numbers) json.set(name, number(value));
  for (const auto& [name, value] : item.notes) json.set(name, value);
  join_notes(json, item);
  return json;
}

}  // namespace

std::string_view name_of(Outcome outcome) {
  switch (outcome) {
    case Outcome::kNotStarted: return "not started";
    case Outcome::kWritten: return "written";
    case Outcome::kTapsAdded: return "taps added";
    case Outcome::kComplete: return "complete already";
    case Outcome::kFailed: break;
  }
  return "failed";
}

RunReport::RunReport(std::filesystem::path path, const std::vector<Item>& items, bool dry_run)
    : path_(std::move(path)),
      stream_(!path_.empty() && is_stream(path_)),
      dry_run_(dry_run),
      started_(utc_now()) {
  for (const Item& item : items) {
    ItemReport one;
    one.key = item.key;
    one.input = item.path.string();
    items_.push_back(std::move(one));
  }
  save("running", -1, "");
}

void RunReport::set(std::size_t item, ItemReport report) {
  const std::lock_guard held(mutex_);
  items_.at(item) = std::move(report);
  if (seconds_since(saved_) > kPause) save("running", -1, "");
}

void RunReport::add_wait(double seconds) {
  const std::lock_guard held(mutex_);
  wait_s_ += seconds;
}

void RunReport::add_load(double seconds) {
  const std::lock_guard held(mutex_);
  load_s_ += seconds;
}

double RunReport::wait_s() const {
  const std::lock_guard held(mutex_);
  return wait_s_;
}

double RunReport::wall_s() const {
  const std::lock_guard held(mutex_);
  return std::max(0.0, seconds_since(start_) - load_s_);
}

void RunReport::note(RunNotes notes) {
  const std::lock_guard held(mutex_);
  notes_ = std::move(notes);
}

void RunReport::finish(int exit_code, const std::string& error) {
  const std::lock_guard held(mutex_);
  save(error.empty() ? "finished" : "stopped", exit_code, error);
}

std::string RunReport::text(const std::string& state, int exit_code,
                            const std::string& error) const {
  const double wall = std::max(1e-9, seconds_since(start_) - load_s_);
  Json json{{"schema", "vega.report/1"}, {"state", state}};
  if (dry_run_) json.set("dry_run", true);
  if (exit_code >= 0) json.set("exit_code", exit_code);
  if (!error.empty()) json.set("error", error);
  json.set("command", command_line());
  json.set("version", version());
  json.set("host", host_name());
  json.set("started", started_);
  json.set("written", utc_now());
  json.set("load_s", rounded(load_s_));
  json.set("wall_s", rounded(wall));
  json.set("compute_wait_s", rounded(wait_s_));
  json.set("compute_wait_ratio", rounded(wait_s_ / wall));
  std::map<std::string_view, int> outcomes;
  for (const ItemReport& item : items_) ++outcomes[name_of(item.outcome)];
  json.set("outcomes", outcomes);
  join_notes(json, notes_);
  Json& list = json.set("items", Json::list());
  for (const ItemReport& item : items_) list.push(json_of(item));
  return json.dump(1) + "\n";
}

void RunReport::save(const std::string& state, int exit_code, const std::string& error) {
  saved_ = Clock::now();
  if (path_.empty() || (stream_ && exit_code < 0)) return;
  const auto begun = saved_;
  publish_output(path_, text(state, exit_code, error));
  // A report of 10^6 items takes seconds: it waits for 20 times as long then.
  const double more = std::max(0.0, 20 * seconds_since(begun) - kPause);
  saved_ = Clock::now() +
           std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(more));
}

}  // namespace vega
