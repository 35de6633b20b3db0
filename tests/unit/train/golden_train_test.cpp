// Ten steps of training against PyTorch (tests/golden/export_train.py): losses, gradients of every
// trained tensor, and the tensors at the end.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <catch2/catch.hpp>
#include <cmath>
#include <map>
#include <optional>

#include "core/tensor.h"
#include "support/support.h"
#include "train/division.h"
#include "train/optimizer.h"
#include "train/schedule.h"
#include "vlm/train_model.h"
#include "weights/safetensors.h"

using namespace vega;
using namespace vega::vlm;

namespace {

// These tensors are small: one thread does them faster than several that meet at each operation.
class OneThread {
 public:
  OneThread() { at::set_num_threads(1); }
  ~OneThread() { at::set_num_threads(before_); }

 private:
  int before_ = at::get_num_threads();
};

const Json& golden_json(const std::string& name) {
  static std::map<std::string, Json> files;
  if (!files.contains(name)) files[name] = *parse_json(test::read_text(test::golden(name)));
  return files[name];
}

const TensorSet& golden_set(const std::string& file) {
  static std::map<std::string, TensorSet> files;
  if (!files.contains(file))
    files[file] = read_safetensors(test::golden("train/" + file + ".safetensors"));
  return files[file];
}

at::Tensor golden_tensor(const std::string& file, const std::string& name) {
  return tensor_from(golden_set(file).at(name)).clone();
}

bool golden_has(const std::string& name) { return golden_set("results").find(name) != nullptr; }

SceneInput golden_room(const std::string& room) {
  const auto input = [&](const char* name) { return golden_tensor("inputs", room + "/" + name); };
  SceneInput out;
  out.key = room;
  out.semantic = input("semantic").to(at::kFloat).flatten(1, 2);
  out.generative = input("generative").to(at::kFloat).flatten(1, 2);
  out.points = input("world").reshape({-1, 1, 3});
  out.selected = input("selected").flatten(1).to(at::kFloat);
  const at::Tensor boxes = input("boxes");
  for (std::int64_t n = 0; n < boxes.size(0); ++n) {
    Box box{};
    for (std::size_t k = 0; k < 6; ++k)
      box[k] = boxes[n][static_cast<std::int64_t>(k)].item<float>();
    out.boxes.push_back(box);
    out.object_ids.push_back(static_cast<std::int32_t>(n));
    out.object_labels.emplace_back();
  }
  return out;
}

std::vector<std::int64_t> wholes(const Json& list) {
  std::vector<std::int64_t> out;
  for (const Json& value : list.elements()) out.push_back(*value.whole());
  return out;
}

struct GoldenSample {
  TrainSample sample;
  std::string room;
};

// `masking`: which labels.
GoldenSample golden_sample(const std::string& name, const std::string& masking) {
  for (const Json& json : golden_json("train/samples.json")["samples"].elements()) {
    if (json["name"] != Json(name)) continue;
    GoldenSample out;
    out.room = *json["room"].text();
    out.sample.id = name;
    out.sample.task = *find_choice<tasks::Task>(tasks::kTasks, *json["task"].text());
    out.sample.prompt.ids = wholes(json["ids"]);
    out.sample.prompt.labels = wholes(json[masking]);
    for (const Json& place : json["coords"].elements())
      out.sample.coords.push_back({static_cast<float>(*place[0].number()),
                                   static_cast<float>(*place[1].number()),
                                   static_cast<float>(*place[2].number())});
    out.sample.positives = wholes(json["positives"]);
    return out;
  }
  throw InputError("no sample " + name);
}

// A model of one case with the values before step 1.
class Training {
 public:
  Training(const Json& json, at::ScalarType type, bool recompute) : json_(json) {
    const std::filesystem::path base = folder_ / "base";
    std::filesystem::create_directories(base);
    for (const Json& group : json_["weights"].elements())
      std::filesystem::copy_file(test::golden("train/weights." + *group.text() + ".safetensors"),
                                 base / ("model." + *group.text() + ".safetensors"));
    test::write_text(base / "config.json", json_["config"].dump());
    TrainModelOptions options;
    options.placement = {at::kCPU, type};
    options.switches = switches_of(Compat::kFixed);
    options.switches.align = AlignMode::kReference;
    options.recompute = recompute;
    for (const JsonMember& rate : json_["rates"].members())
      options.parts.push_back(*find_choice<Part>(kParts, rate.name));
    if (const Json& lora = json_["lora"]; lora.is_object())
      options.lora = LoraConfig{*lora["rank"].whole(), *lora["alpha"].number(), 0};
    model_.emplace(open_checkpoint(base), options);
    for (const Trained& tensor : model_->trained())
      if (const std::string start = name() + "/" + tensor.name + "/start"; golden_has(start))
        model_->restore(tensor.name, golden_tensor("results", start));
  }

  std::string name() const { return *json_["name"].text(); }
  TrainModel& model() { return *model_; }

  // Adds the gradients of one step; losses in the order of its samples. Samples of one room go
  // together, as in training.
  std::vector<SampleLoss> add_gradients(const Json& step) {
    std::vector<SampleLoss> out(step["samples"].size());
    std::map<std::string, std::vector<std::size_t>> by_room;
    std::vector<GoldenSample> samples;
    for (std::size_t i = 0; i < out.size(); ++i) {
      samples.push_back(golden_sample(*step["samples"][i].text(), *json_["masking"].text()));
      samples.back().sample.weight = *step["weights"][i].number();
      by_room[samples.back().room].push_back(i);
    }
    for (const auto& [room, places] : by_room) {
      std::vector<TrainSample> own;
      for (const std::size_t place : places) own.push_back(samples[place].sample);
      const PassResult result = model_->add_gradients(golden_room(room), own);
      for (std::size_t i = 0; i < places.size(); ++i) out[places[i]] = result.samples.at(i);
    }
    return out;
  }

 private:
  const Json& json_;
  OneThread one_thread_;
  test::TempFolder folder_;
  std::optional<TrainModel> model_;
};

double tolerance(const char* what) {
  return *golden_json("train/cases.json")["tolerances"][what].number();
}

at::Tensor gradient_of(const Trained& tensor) {
  const at::Tensor gradient = tensor.tensor.grad();
  return (gradient.defined() ? gradient : at::zeros_like(tensor.tensor)).to(at::kDouble);
}

std::map<std::string, at::Tensor> values_by_name(const TrainModel& model) {
  std::map<std::string, at::Tensor> out;
  for (const Trained& tensor : model.trained())
    out[tensor.name] = tensor.tensor.detach().to(at::kDouble);
  return out;
}

double total_loss(const Json& step, const std::vector<SampleLoss>& losses) {
  double total = 0;
  for (std::size_t i = 0; i < losses.size(); ++i)
    total += losses[i].loss * static_cast<double>(losses[i].targets) * *step["weights"][i].number();
  return total;
}

// Weights and rates that the case states equal those that training computes.
void check_weights(const Json& json, const Json& step) {
  std::vector<std::vector<train::Counted>> batches;
  std::size_t at = 0;
  for (const std::int64_t size : wholes(step["micro"])) {
    batches.emplace_back();
    for (std::int64_t i = 0; i < size; ++i, ++at) {
      const bool grounding =
          tasks::is_grounding(golden_sample(*step["samples"][at].text(), "released").sample.task);
      batches.back().push_back({*step["targets"][at].whole(), grounding});
    }
  }
  const auto division = find_choice<train::Division>(train::kDivisions, *json["division"].text());
  at = 0;
  for (const auto& batch : train::divided(batches, *division))
    for (const double weight : batch)
      CHECK(weight == Approx(*step["weights"][at++].number()).epsilon(1e-8));
}

train::Schedule schedule_of(const Json& json) {
  const auto steps = static_cast<std::int64_t>(json["steps"].size());
  return {train::ScheduleKind::kCosine, steps,
          train::warmup_steps(*json["warmup"].number(), steps)};
}

// Ten steps; after each `check(number, losses, norm)`.
template <typename Check>
void run_steps(const Json& json, Training& training, const Check& check) {
  train::Optimizer optimizer(training.model().trained(), {});
  const train::Schedule schedule = schedule_of(json);
  for (std::size_t n = 0; n < json["steps"].size(); ++n) {
    const Json& step = json["steps"][n];
    INFO("step " << n + 1);
    check_weights(json, step);
    optimizer.clear_gradients();
    const std::vector<SampleLoss> losses = training.add_gradients(step);
    const double norm = optimizer.gradient_norm();
    check(step, losses, norm);
    const double factor = schedule.factor(static_cast<std::int64_t>(n));
    CHECK(factor == Approx(*step["factor"].number()).epsilon(1e-8));
    std::map<std::string, double> rates;
    for (const JsonMember& rate : json["rates"].members())
      rates[rate.name] = factor * *rate.value.number();
    optimizer.clip(norm, 1);
    optimizer.step(rates);
  }
}

}  // namespace

TEST_CASE("training golden: gradients of every trained tensor") {
  std::size_t whole = 0;
  for (const Json& json : golden_json("train/cases.json")["cases"].elements()) {
    INFO(*json["name"].text());
    Training training(json, at::kFloat, true);
    for (std::size_t step = 0; step < 3; ++step) training.add_gradients(json["steps"][step]);
    const auto& trained = training.model().trained();
    REQUIRE(trained.size() == json["trained"].size());
    std::map<std::string, const Trained*> by_name;
    for (const Trained& tensor : trained) by_name[tensor.name] = &tensor;
    for (const Json& row : json["trained"].elements()) {
      const std::string name = *row["name"].text();
      INFO(name);
      REQUIRE(by_name.contains(name));
      const Trained& tensor = *by_name[name];
      CHECK(name_of(tensor.part) == *row["part"].text());
      CHECK(tensor.tensor.sizes() == at::IntArrayRef(wholes(row["shape"])));
      CHECK(tensor.tensor.scalar_type() == at::kFloat);
      const at::Tensor gradient = gradient_of(tensor);
      if (row["noise"].flag().value_or(false)) {
        CHECK(gradient.norm().item<double>() < 1e-7);
        continue;
      }
      const double norm = *row["gradient"].number();
      CHECK(gradient.norm().item<double>() ==
            Approx(norm).epsilon(tolerance("gradient")).margin(0));
      const std::string key = training.name() + "/" + name + "/gradient";
      if (!golden_has(key)) continue;
      const at::Tensor apart = gradient - golden_tensor("results", key).to(at::kDouble);
      CHECK(apart.norm().item<double>() < tolerance("gradient") * norm);
      ++whole;
    }
  }
  CHECK(whole > 100);
}

// Torch's float64 against ours: rotary tables and sine embeddings are float32 in both, and differ
// in the last bit.
constexpr double kDoubleTolerance = 5e-7;

TEST_CASE("training golden: losses and gradient norms of ten steps in float64") {
  for (const Json& json : golden_json("train/cases.json")["cases"].elements()) {
    INFO(*json["name"].text());
    Training training(json, at::kDouble, false);
    run_steps(json, training, [](const Json& step, const auto& losses, double norm) {
      CHECK(std::abs(total_loss(step, losses) - *step["loss64"].number()) < kDoubleTolerance);
      CHECK(norm == Approx(*step["norm64"].number()).epsilon(kDoubleTolerance).margin(0));
    });
  }
}

TEST_CASE("training golden: ten steps") {
  std::size_t whole = 0;
  for (const Json& json : golden_json("train/cases.json")["cases"].elements()) {
    INFO(*json["name"].text());
    Training training(json, at::kFloat, false);
    run_steps(json, training, [](const Json& step, const auto& losses, double norm) {
      for (std::size_t i = 0; i < losses.size(); ++i) {
        CHECK(losses[i].targets == *step["targets"][i].whole());
        CHECK(std::abs(losses[i].loss - *step["losses"][i].number()) < tolerance("loss"));
      }
      CHECK(std::abs(total_loss(step, losses) - *step["loss"].number()) < tolerance("loss"));
      CHECK(norm == Approx(*step["norm"].number()).epsilon(tolerance("norm")).margin(0));
    });
    const auto end = values_by_name(training.model());
    for (const Json& row : json["trained"].elements()) {
      const std::string key = training.name() + "/" + *row["name"].text() + "/end";
      if (row["noise"].flag().value_or(false)) continue;
      const at::Tensor value = end.at(*row["name"].text());
      INFO(key);
      const double slack = tolerance("end") * *row["went"].number();
      CHECK(std::abs(value.norm().item<double>() - *row["end"].number()) < slack + 1e-6);
      if (!golden_has(key)) continue;
      CHECK((value - golden_tensor("results", key).to(at::kDouble)).norm().item<double>() < slack);
      ++whole;
    }
  }
  CHECK(whole > 100);
}
