// Ten steps of AdamW on tiny models against PyTorch (tests/golden/export_train.py): losses, norms
// of gradients, gradients and the values at the end.
#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <catch2/catch.hpp>
#include <cmath>
#include <map>
#include <numbers>

#include "base/json.h"
#include "core/tensor.h"
#include "support/support.h"
#include "vlm/train_model.h"
#include "weights/safetensors.h"

using namespace vega;
using namespace vega::vlm;

namespace {

const Json& file(const char* name) {
  static std::map<std::string, Json> known;
  const auto [at, fresh] = known.try_emplace(name);
  if (fresh) at->second = *parse_json(test::read_text(test::golden(std::string("train/") + name)));
  return at->second;
}

double tolerance(const char* of) { return *file("cases.json")["tolerances"][of].number(); }

at::Tensor golden_tensor(const char* of, const std::string& name) {
  static std::map<std::string, TensorSet> known;
  const auto [at, fresh] = known.try_emplace(of);
  if (fresh) at->second = read_safetensors(test::golden(std::string("train/") + of));
  const TensorView* view = at->second.find(name);
  return view == nullptr ? at::Tensor() : tensor_from(*view).clone();
}

std::vector<std::int64_t> whole_list(const Json& json) {
  std::vector<std::int64_t> out;
  for (const Json& value : json.elements()) out.push_back(*value.whole());
  return out;
}

SceneInput room(const std::string& name) {
  const auto tensor = [&](const char* what) {
    return golden_tensor("inputs.safetensors", name + "/" + what);
  };
  SceneInput out;
  out.key = name;
  out.semantic = tensor("semantic").to(at::kFloat).flatten(1, 2);
  out.generative = tensor("generative").to(at::kFloat).flatten(1, 2);
  out.points = tensor("world").reshape({-1, 1, 3});
  const at::Tensor boxes = tensor("boxes");
  for (std::int64_t n = 0; n < boxes.size(0); ++n) {
    Box box{};
    for (std::int64_t k = 0; k < 6; ++k)
      box[static_cast<std::size_t>(k)] = boxes[n][k].item<float>();
    out.boxes.push_back(box);
  }
  out.selected = tensor("selected").flatten(1).to(at::kFloat);
  return out;
}

const Json& sample_json(const std::string& name) {
  for (const Json& json : file("samples.json")["samples"].elements())
    if (json["name"] == Json(name)) return json;
  throw std::runtime_error("no sample " + name);
}

TrainSample sample_of(const Json& json, const std::string& masking, double weight) {
  TrainSample out;
  out.id = json["name"].text_or("");
  out.task = *find_choice<tasks::Task>(tasks::kTasks, json["task"].text_or(""));
  out.prompt = {whole_list(json["ids"]), whole_list(json[masking])};
  for (const Json& place : json["coords"].elements())
    out.coords.push_back({static_cast<float>(*place[0].number()),
                          static_cast<float>(*place[1].number()),
                          static_cast<float>(*place[2].number())});
  out.positives = whole_list(json["positives"]);
  out.weight = weight;
  return out;
}

// One case: its model, its plan, its optimiser.
class Run {
 public:
  explicit Run(const Json& json) : json_(json), model_(make()) {
    for (const Trained& t : model_.trained()) {
      if (const at::Tensor start = result(t.name, "start"); start.defined())
        model_.restore(t.name, start);
      first_.push_back(at::zeros_like(t.tensor.detach()));
      second_.push_back(at::zeros_like(t.tensor.detach()));
      steps_.push_back(at::zeros({}));
    }
  }

  void check_start() {
    for (std::size_t k = 0; k < 3; ++k) add(json_["steps"][k], false);
    std::size_t compared = 0;
    for (const Json& expected : json_["trained"].elements()) {
      const std::string name = expected["name"].text_or("");
      INFO(name);
      const Trained& t = tensor(name);
      CHECK(name_of(t.part) == expected["part"].text_or(""));
      CHECK(whole_list(expected["shape"]) == t.tensor.sizes().vec());
      const double norm = *expected["gradient"].number();
      const bool noise = !expected["noise"].is_null();
      REQUIRE(t.tensor.grad().defined());
      if (noise) continue;
      const double got = t.tensor.grad().to(at::kDouble).norm().item<double>();
      CHECK(std::abs(got - norm) <= tolerance("gradient") * norm);
      const at::Tensor gradient = result(name, "gradient");
      if (!gradient.defined()) continue;
      CHECK((t.tensor.grad() - gradient).norm().item<double>() <= tolerance("gradient") * norm);
      ++compared;
    }
    CHECK(compared > 0);
    CHECK(json_["trained"].size() == model_.trained().size());
    clear();
  }

  void check_steps() {
    for (std::size_t k = 0; k < 10; ++k) {
      INFO("step " << k);
      const Json& step = json_["steps"][k];
      add(step, true);
      double sum = 0;
      for (const Trained& t : model_.trained())
        sum += t.tensor.grad().to(at::kDouble).pow(2).sum().item<double>();
      const double norm = std::sqrt(sum), expected = *step["norm"].number();
      CHECK(std::abs(norm - expected) <= tolerance("norm") * expected);
      const double factor = factor_of(static_cast<double>(k));
      CHECK(std::abs(factor - *step["factor"].number()) < 1e-9);
      descend(factor, std::min(1.0, 1 / (norm + 1e-6)));
      clear();
    }
    for (const Json& expected : json_["trained"].elements()) {
      const std::string name = expected["name"].text_or("");
      const at::Tensor end = result(name, "end");
      if (!end.defined() || !expected["noise"].is_null()) continue;
      INFO(name);
      const double apart = (tensor(name).tensor.detach() - end).norm().item<double>();
      CHECK(apart <= tolerance("end") * *expected["went"].number());
    }
  }

 private:
  at::Tensor result(const std::string& name, const char* what) const {
    return golden_tensor("results.safetensors",
                         json_["name"].text_or("") + "/" + name + "/" + what);
  }

  TrainModel make() {
    for (const Json& group : json_["weights"].elements()) {
      const std::string name = group.text_or("") + ".safetensors";
      std::filesystem::copy_file(test::golden("train/weights." + name),
                                 folder_ / ("model." + name));
    }
    test::write_text(folder_ / "config.json", json_["config"].dump());
    TrainModelOptions options;
    options.switches = switches_of(Compat::kFixed);
    options.switches.align = AlignMode::kReference;
    for (const JsonMember& rate : json_["rates"].members()) {
      options.parts.push_back(*find_choice<Part>(kParts, rate.name));
      rates_[options.parts.back()] = *rate.value.number();
    }
    if (const Json& lora = json_["lora"]; lora.is_object())
      options.lora = LoraConfig{*lora["rank"].whole(), *lora["alpha"].number(), 0, false};
    return {open_checkpoint(folder_.path()), options};
  }

  const Trained& tensor(const std::string& name) const {
    for (const Trained& t : model_.trained())
      if (t.name == name) return t;
    throw std::runtime_error(name + " does not train");
  }

  // The samples of a step, those of one room together.
  void add(const Json& step, bool check) {
    std::map<std::string, std::vector<std::size_t>> by_room;
    std::vector<TrainSample> samples;
    for (std::size_t i = 0; i < step["samples"].size(); ++i) {
      const Json& json = sample_json(step["samples"][i].text_or(""));
      samples.push_back(
          sample_of(json, json_["masking"].text_or(""), *step["weights"][i].number()));
      by_room[json["room"].text_or("")].push_back(i);
    }
    for (const auto& [name, places] : by_room) {
      std::vector<TrainSample> own;
      for (const std::size_t i : places) own.push_back(samples[i]);
      const PassResult got = model_.add_gradients(room(name), own);
      for (std::size_t n = 0; check && n < places.size(); ++n) {
        CHECK(got.samples[n].targets == *step["targets"][places[n]].whole());
        const double loss = *step["losses"][places[n]].number();
        CHECK(std::abs(got.samples[n].loss - loss) <= tolerance("loss"));
      }
    }
  }

  double factor_of(double k) const {
    const double warmup = std::ceil(*json_["warmup"].number() * 10);
    if (k < warmup) return k / warmup;
    return (1 + std::cos(std::numbers::pi * (k - warmup) / (10 - warmup))) / 2;
  }

  void descend(double factor, double clip) {
    const c10::NoGradGuard no_grad;
    for (std::size_t i = 0; i < model_.trained().size(); ++i) {
      const Trained& t = model_.trained()[i];
      steps_[i].add_(1);
      const at::Tensor gradient = t.tensor.grad() * clip;
      at::_fused_adamw_({t.tensor}, {gradient}, {first_[i]}, {second_[i]}, {}, {steps_[i]},
                        factor * rates_.at(t.part), 0.9, 0.999, 0, 1e-8, false, false);
    }
  }

  // As PyTorch clears them: what a step does not reach moves on by its moments all the same.
  void clear() {
    for (const Trained& t : model_.trained()) t.tensor.mutable_grad().zero_();
  }

  const Json& json_;
  test::TempFolder folder_;
  std::map<Part, double> rates_;
  TrainModel model_;
  std::vector<at::Tensor> first_, second_, steps_;
};

}  // namespace

TEST_CASE("train: ten steps of AdamW are those of PyTorch, with every preset's parts") {
  std::size_t count = 0;
  for (const Json& json : file("cases.json")["cases"].elements()) {
    INFO(json["name"].text_or(""));
    Run run(json);
    run.check_start();
    run.check_steps();
    ++count;
  }
  CHECK(count >= 7);
}
