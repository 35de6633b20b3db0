// A few questions learnt by heart: the loss of words and that of grounding both vanish.
#include <catch2/catch.hpp>

#include "../vlm/train_cases.h"
#include "train/optimizer.h"
#include "train/schedule.h"

using namespace vega;
using namespace vega::vlm;
using test::TrainCase;

TEST_CASE("train: four questions about a room are learnt by heart") {
  TrainCase c("token_gated.find");
  c.options.placement.dtype = at::kFloat;
  TrainModel model = c.model({Part::kFusion, Part::kGenerativeProjector, Part::kProjector,
                              Part::kNewline, Part::kGroundHead, Part::kDecoder});
  const TrainSample found = c.sample();
  std::vector<TrainSample> samples;
  for (const std::int64_t shift : {0, 7, 13, 29})
    samples.push_back(test::asked_otherwise(found, shift));
  samples[1].positives = {};  // no such object
  samples[2].task = samples[3].task = tasks::Task::kScanQa;
  const SceneInput scene = c.scene();
  for (TrainSample& sample : samples)
    sample.weight = 0.25 / static_cast<double>(model.target_count(sample, model.visual_tokens(2)));

  train::Optimizer optimizer(model.trained(), {});
  constexpr std::int64_t kSteps = 60;
  const train::Schedule schedule{train::ScheduleKind::kCosine, kSteps,
                                 train::warmup_steps(0.05, kSteps)};
  double first = 0, last = 0;
  for (std::int64_t step = 0; step < kSteps; ++step) {
    optimizer.clear_gradients();
    const double loss = test::weighted_sum(samples, model.add_gradients(scene, samples));
    (step == 0 ? first : last) = loss;
    optimizer.clip(optimizer.gradient_norm(), 1);
    std::map<std::string, double> rates;
    for (const Part part : c.options.parts) rates[name_of(part)] = 5e-3 * schedule.factor(step);
    optimizer.step(rates);
  }
  const PassResult end = model.losses(scene, samples);
  INFO("loss " << first << " to " << last);
  CHECK(first > 1);
  for (std::size_t i = 0; i < samples.size(); ++i) {
    INFO("question " << i);
    CHECK(end.samples[i].loss < 0.01);
  }
}
