#include "base/report.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/build_info.h"
#include "base/publish.h"

namespace vega {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// Milliseconds are as much as is measured.
double rounded(double seconds) {
  return static_cast<double>(static_cast<long>(seconds * 1e3 + 0.5)) / 1e3;
}

nlohmann::ordered_json json_of(const ItemReport& item) {
  nlohmann::ordered_json json{{"key", item.key}, {"input", item.input}, {"outcome", item.outcome}};
  if (!item.output.empty()) json["output"] = item.output;
  if (!item.error.empty()) json["error"] = item.error;
  if (item.outcome != "not started") {
    json["prepare_s"] = rounded(item.prepare_s);
    json["compute_s"] = rounded(item.compute_s);
    json["finish_s"] = rounded(item.finish_s);
  }
  for (const auto& [name, value] : item.numbers) {
    const bool whole = value == static_cast<double>(static_cast<std::int64_t>(value));
    if (whole)
      json[name] = static_cast<std::int64_t>(value);
    else
      json[name] = value;
  }
  for (const auto& [name, value] : item.notes) json[name] = value;
  return json;
}

}  // namespace

RunReport::RunReport(std::filesystem::path path, const std::vector<Item>& items)
    : path_(std::move(path)),
      stream_(!path_.empty() && is_stream(path_)),
      started_(utc_now()),
      start_(Clock::now()) {
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
  if (seconds_since(saved_) > 60) save("running", -1, "");
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

std::size_t RunReport::count(const std::string& outcome) const {
  const std::lock_guard held(mutex_);
  return static_cast<std::size_t>(std::count_if(
      items_.begin(), items_.end(), [&](const auto& item) { return item.outcome == outcome; }));
}

void RunReport::finish(int exit_code, const std::string& error) {
  const std::lock_guard held(mutex_);
  save(error.empty() ? "finished" : "stopped", exit_code, error);
}

std::string RunReport::text(const std::string& state, int exit_code,
                            const std::string& error) const {
  const double wall = std::max(1e-9, seconds_since(start_) - load_s_);
  nlohmann::ordered_json json{{"schema", "vega.report/1"}, {"state", state}};
  if (exit_code >= 0) json["exit_code"] = exit_code;
  if (!error.empty()) json["error"] = error;
  json["command"] = command_line();
  json["version"] = version();
  json["host"] = host_name();
  json["started"] = started_;
  json["written"] = utc_now();
  json["load_s"] = rounded(load_s_);
  json["wall_s"] = rounded(wall);
  json["compute_wait_s"] = rounded(wait_s_);
  json["compute_wait_ratio"] = rounded(wait_s_ / wall);
  std::map<std::string, int> outcomes;
  for (const ItemReport& item : items_) ++outcomes[item.outcome];
  json["outcomes"] = outcomes;
  json["items"] = nlohmann::ordered_json::array();
  for (const ItemReport& item : items_) json["items"].push_back(json_of(item));
  return json.dump(1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

void RunReport::save(const std::string& state, int exit_code, const std::string& error) {
  saved_ = Clock::now();
  if (path_.empty() || (stream_ && exit_code < 0)) return;
  publish_file(path_, text(state, exit_code, error));
}

}  // namespace vega
