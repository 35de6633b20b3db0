#include "train/step_result.h"

#include <cmath>
#include <limits>

#include "base/choice.h"

namespace vega::train {

void StepResult::add(std::span<const vlm::TrainSample> of_scene, const vlm::PassResult& pass) {
  for (std::size_t n = 0; n < of_scene.size(); ++n) {
    const vlm::SampleLoss& one = pass.samples[n];
    const double weight = of_scene[n].weight * static_cast<double>(one.targets);
    loss += weight * one.loss;
    auto& task = by_task[std::string(name_in<tasks::Task>(tasks::kTrainedTasks, of_scene[n].task))];
    task.first += weight * one.loss;
    task.second += weight;
    targets += one.targets;
    if (!std::isfinite(one.loss)) bad.push_back(of_scene[n].id);
  }
  samples += static_cast<std::int64_t>(of_scene.size());
  tokens += pass.tokens;
  if (pass.gate) gate += *pass.gate, ++gates;
}

Json StepResult::sums() const {
  Json tasks = Json::object();
  for (const auto& [task, pair] : by_task) tasks.add(task, Json::list({pair.first, pair.second}));
  return {{"loss", loss},       {"by_task", tasks},   {"gate", gate},     {"gates", gates},
          {"targets", targets}, {"samples", samples}, {"tokens", tokens}, {"bad", bad}};
}

void StepResult::add(const Json& sums) {
  // JSON has null for what is not finite.
  const auto number = [](const Json& json) {
    return json.number().value_or(std::numeric_limits<double>::quiet_NaN());
  };
  loss += number(sums["loss"]);
  for (const JsonMember& task : sums["by_task"].members()) {
    auto& pair = by_task[task.name];
    pair.first += number(task.value[0]);
    pair.second += number(task.value[1]);
  }
  gate += number(sums["gate"]);
  gates += sums["gates"].whole().value_or(0);
  targets += sums["targets"].whole().value_or(0);
  samples += sums["samples"].whole().value_or(0);
  tokens += sums["tokens"].whole().value_or(0);
  for (const Json& id : sums["bad"].elements()) bad.emplace_back(id.text_or(""));
}

Json metrics_line(const StepResult& result, std::int64_t step, std::int64_t per_epoch,
                  const std::map<std::string, double>& rates, std::int64_t memory) {
  Json by_task = Json::object();
  for (const auto& [task, sums] : result.by_task)
    by_task.add(task, sums.second > 0 ? sums.first / sums.second : 0);
  Json out{
      {"step", step},        {"epoch", static_cast<double>(step) / static_cast<double>(per_epoch)},
      {"loss", result.loss}, {"loss_by_task", by_task},
      {"rate", rates},       {"grad_norm", result.norm}};
  out.add("gate",
          result.gates > 0 ? Json(result.gate / static_cast<double>(result.gates)) : Json());
  out.add("targets", result.targets);
  out.add("samples", result.samples);
  out.add("tokens", result.tokens);
  out.add("tokens_per_s", static_cast<double>(result.tokens) / result.seconds);
  out.add("seconds", result.seconds);
  out.add("memory", memory);
  return out;
}

Counters::Counters(const Json& json)
    : samples(json["samples"].whole().value_or(0)),
      targets(json["targets"].whole().value_or(0)),
      tokens(json["tokens"].whole().value_or(0)),
      seconds(json["seconds"].number().value_or(0)) {}

void Counters::add(const StepResult& result) {
  samples += result.samples;
  targets += result.targets;
  tokens += result.tokens;
  seconds += result.seconds;
}

Json Counters::json() const {
  return {{"samples", samples}, {"targets", targets}, {"tokens", tokens}, {"seconds", seconds}};
}

}  // namespace vega::train
