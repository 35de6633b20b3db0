#include "vlm/position.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <vector>

#include "base/choice.h"
#include "base/error.h"
#include "base/text.h"
#include "core/tensor.h"
#include "core/wide_type.h"

namespace vega::vlm {
namespace {

enum class Word { kPoints, kDiscrete, kSine, kMlp, kRope, kGenerative };
constexpr Choice<Word> kWords[] = {{Word::kPoints, "avg"},     {Word::kPoints, "sample1"},
                                   {Word::kPoints, "sample5"}, {Word::kPoints, "sample9"},
                                   {Word::kPoints, "minmax"},  {Word::kDiscrete, "discrete"},
                                   {Word::kSine, "sin3d"},     {Word::kMlp, "mlp"},
                                   {Word::kRope, "mrope"},     {Word::kGenerative, "gen"}};

std::vector<std::string> words_of(std::string_view type) {
  std::vector<std::string> out(1);
  for (const char c : type) {
    if (c == '-')
      out.emplace_back();
    else
      out.back().push_back(c);
  }
  return out;
}

std::span<const float> floats(const at::Tensor& tensor) {
  return {tensor.const_data_ptr<float>(), static_cast<std::size_t>(tensor.numel())};
}

}  // namespace

PositionConfig parse_position(std::string_view type, const std::string& where) {
  PositionConfig out;
  out.embedding = Embedding::kNone;
  int points = 0, embeddings = 0;
  const auto refuse = [&](const std::string& got, std::string_view expected) {
    throw InputError(explain(where, "'" + std::string(type) + "': " + got, expected,
                             "avg-discrete-sin3d is what the released models have"));
  };
  for (const std::string& word : words_of(type)) {
    const auto found = find_choice<Word>(kWords, word);
    if (!found) refuse("'" + word + "'", "words " + listed<Word>(kWords, ", "));
    switch (*found) {
      case Word::kPoints:
        out.points = point_strategy_from_name(word);
        ++points;
        break;
      case Word::kDiscrete: out.discrete = true; break;
      case Word::kRope: out.rope = true; break;
      case Word::kGenerative: out.on_generative = true; break;
      default:
        out.embedding = *found == Word::kSine ? Embedding::kSine : Embedding::kMlp;
        ++embeddings;
    }
  }
  if (points != 1)
    refuse(points == 0 ? "nothing that stands for a patch" : "several that stand for a patch",
           "one of avg, sample1, sample5, sample9, minmax");
  if (embeddings > 1) refuse("two embeddings", "sin3d or mlp");
  if (embeddings == 0 && !out.rope) refuse("no embedding", "sin3d, mlp or mrope");
  if (out.rope && !out.discrete) refuse("mrope in metres", "mrope with discrete");
  if (out.on_generative && !out.discrete) refuse("gen in metres", "gen with discrete");
  if (out.on_generative && embeddings == 0) refuse("gen without an embedding", "sin3d or mlp");
  const bool one = point_count(out.points) == 1;
  if (out.embedding == Embedding::kMlp && !one) refuse("mlp of several points", "one point");
  if (out.rope && !one) refuse("mrope of several points", "one point");
  return out;
}

std::vector<ParameterSpec> position_specs(const PositionConfig& config, std::int64_t width) {
  if (config.embedding != Embedding::kMlp) return {};
  return {{"mlp.0.weight", {config.inner, 3}, Init::kNormal},     {"mlp.0.bias", {config.inner}},
          {"mlp.1.weight", {config.inner}, Init::kOne},           {"mlp.1.bias", {config.inner}},
          {"mlp.3.weight", {width, config.inner}, Init::kNormal}, {"mlp.3.bias", {width}}};
}

at::Tensor points_tensor(std::span<const std::array<float, 3>> points) {
  at::Tensor out = at::empty({static_cast<std::int64_t>(points.size()), 3}, at::kFloat);
  float* to = out.mutable_data_ptr<float>();
  for (const auto& point : points) to = std::copy(point.begin(), point.end(), to);
  return out;
}

PositionEmbedding::PositionEmbedding(const PositionConfig& config, std::int64_t width,
                                     GeometryType geometry, const Parameters& values,
                                     const Placement& placement)
    : config_(config), width_(width), geometry_(geometry), placement_(placement) {
  check_parameters(position_specs(config, width), values, kPositionPrefix);
  values_ = placed(values, placement);
  if (config.embedding == Embedding::kSine)
    sine_ = std::make_shared<const Sine3d>(static_cast<std::size_t>(width),
                                           static_cast<std::size_t>(config.point_count()));
}

PositionEmbedding PositionEmbedding::over(const PositionConfig& config, std::int64_t width,
                                          GeometryType geometry, Parameters values,
                                          const Placement& placement) {
  PositionEmbedding out(config, width, geometry, values, placement);
  out.values_ = std::move(values);
  return out;
}

at::Tensor PositionEmbedding::voxels(const at::Tensor& xyz) const {
  const at::Tensor points = xyz.contiguous();
  return float_tensor(discretise(floats(points), geometry_, config_.voxels), points.sizes());
}

at::Tensor PositionEmbedding::embed(const at::Tensor& xyz) const {
  const at::Tensor points = xyz.contiguous();
  const std::int64_t count = points.size(0);
  if (config_.embedding == Embedding::kNone)
    return at::zeros({count, width_}, at::device(placement_.device).dtype(at::kFloat));
  at::Tensor coordinates = config_.discrete ? voxels(points) : points;
  if (geometry_ == GeometryType::kBf16)
    coordinates = coordinates.to(at::kBFloat16).to(at::kFloat).contiguous();
  const at::Tensor unknown = coordinates.isnan().flatten(1).any(1).unsqueeze(1);
  at::Tensor out;
  if (config_.embedding == Embedding::kSine) {
    out = float_tensor(sine_->embed(floats(coordinates), geometry_), {count, width_})
              .to(placement_.device);
  } else {
    const auto value = [&](const char* name) { return find_parameter(values_, name); };
    at::Tensor x = coordinates.flatten(1).to(placement_.device, placement_.dtype);
    x = at::linear(x, value("mlp.0.weight"), value("mlp.0.bias"));
    x = at::layer_norm(x, {config_.inner}, value("mlp.1.weight"), value("mlp.1.bias"),
                       kLayerNormEps);
    out = at::linear(at::relu(x), value("mlp.3.weight"), value("mlp.3.bias"))
              .to(wide_type(placement_.dtype));
  }
  return at::where(unknown.to(placement_.device), at::zeros({}, out.options()), out);
}

at::Tensor PositionEmbedding::embed_centres(const at::Tensor& xyz) const {
  return embed(xyz.unsqueeze(1).expand({xyz.size(0), config_.point_count(), 3}));
}

}  // namespace vega::vlm
