#include "vlm/ground.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "base/error.h"
#include "core/check.h"
#include "core/wide_type.h"

namespace vega::vlm {
namespace {

void add_linear(std::vector<ParameterSpec>& specs, const std::string& name, std::int64_t out,
                std::int64_t in) {
  specs.push_back({name + ".weight", {out, in}, Init::kNormal});
  specs.push_back({name + ".bias", {out}});
}

void add_norm(std::vector<ParameterSpec>& specs, const std::string& name, std::int64_t width) {
  specs.push_back({name + ".weight", {width}, Init::kOne});
  specs.push_back({name + ".bias", {width}});
}

// Linear, ReLU, LayerNorm, Linear.
void add_head(std::vector<ParameterSpec>& specs, const std::string& name, std::int64_t width) {
  add_linear(specs, name + ".0", width, width);
  add_norm(specs, name + ".2", width);
  add_linear(specs, name + ".3", width, width);
}

// Linear, LayerNorm, ReLU, Linear.
void add_narrow_head(std::vector<ParameterSpec>& specs, const std::string& name, std::int64_t in,
                     std::int64_t inner, std::int64_t out) {
  add_linear(specs, name + ".0", inner, in);
  add_norm(specs, name + ".1", inner);
  add_linear(specs, name + ".3", out, inner);
}

at::Tensor unit(const at::Tensor& y) { return y / y.norm(2, {-1}, true).clamp_min(1e-12); }

}  // namespace

std::vector<ParameterSpec> ground_specs(const GroundConfig& c) {
  std::vector<ParameterSpec> out;
  switch (c.type) {
    case GroundType::kInfoNce:
      out.push_back({"_zero_target", {c.width}, Init::kUnitNormal});
      add_head(out, "_obj", c.width);
      add_head(out, "_query", c.width);
      break;
    case GroundType::kMlp: add_head(out, "", c.width); break;
    case GroundType::kScore:
      add_narrow_head(out, "_obj", c.width, c.inner, c.inner);
      add_narrow_head(out, "_query", c.width, c.inner, c.inner);
      add_narrow_head(out, "_score", c.inner, c.inner, 1);
  }
  return out;
}

GroundHead::GroundHead(const GroundConfig& config, const Parameters& values,
                       const Placement& placement, bool requires_grad)
    : config_(config), placement_(placement) {
  check_parameters(ground_specs(config), values, kGroundPrefix);
  values_ = placed(values, placement, requires_grad);
}

GroundHead GroundHead::over(const GroundConfig& config, Parameters values,
                            const Placement& placement) {
  GroundHead out(config, values, placement);
  out.values_ = std::move(values);
  return out;
}

at::Tensor GroundHead::head(const std::string& name, const at::Tensor& x) const {
  const auto value = [&](const std::string& part) { return find_parameter(values_, name + part); };
  at::Tensor y = at::linear(x, value(".0.weight"), value(".0.bias"));
  const bool narrow = config_.type == GroundType::kScore;
  const std::string norm = narrow ? ".1" : ".2";
  if (!narrow) y = at::relu(y);
  y = at::layer_norm(y, {y.size(-1)}, value(norm + ".weight"), value(norm + ".bias"),
                     kLayerNormEps);
  if (narrow) y = at::relu(y);
  return at::linear(y, value(".3.weight"), value(".3.bias"));
}

at::Tensor GroundHead::scores(const at::Tensor& objects, const at::Tensor& query) const {
  check_shape("grounding head", "query", query, {config_.width});
  const at::Tensor x = placed_objects(objects);
  const at::Tensor q = query.to(placement_.device, placement_.dtype);
  switch (config_.type) {
    case GroundType::kMlp: return at::mv(x, head("", q));
    case GroundType::kScore: return head("_score", head("_obj", x) * head("_query", q)).squeeze(1);
    default: return at::mv(unit(head("_obj", x)), unit(head("_query", q)));
  }
}

at::Tensor GroundHead::scores_of_each(const at::Tensor& objects, const at::Tensor& queries) const {
  check_shape("grounding head", "queries", queries, {kAny, config_.width});
  const at::Tensor x = placed_objects(objects);
  const at::Tensor q = queries.to(placement_.device, placement_.dtype);
  switch (config_.type) {
    case GroundType::kMlp: return at::mm(head("", q), x.t());
    case GroundType::kScore:
      return head("_score", head("_obj", x) * head("_query", q).unsqueeze(1)).squeeze(2);
    default: return at::mm(unit(head("_query", q)), unit(head("_obj", x)).t());
  }
}

// Objects as the head takes them, with the zero target where there is one.
at::Tensor GroundHead::placed_objects(const at::Tensor& objects) const {
  check_shape("grounding head", "objects", objects, {kAny, config_.width});
  const at::Tensor x = objects.to(placement_.device, placement_.dtype);
  if (!has_zero_target()) return x;
  return at::cat({x, find_parameter(values_, "_zero_target").unsqueeze(0)});
}

at::Tensor GroundHead::loss(const at::Tensor& scores,
                            std::span<const std::int64_t> positives) const {
  const at::Tensor s = scores.to(wide_type(scores.scalar_type()));
  const std::int64_t objects = s.size(0) - (has_zero_target() ? 1 : 0);
  for (const std::int64_t place : positives)
    check_that(place >= 0 && place < objects, "grounding loss", "positives", std::to_string(place),
               "a place among " + std::to_string(objects) + " objects");
  std::vector<std::int64_t> places(positives.begin(), positives.end());
  if (has_zero_target()) {
    if (places.empty()) places.push_back(objects);
    const at::Tensor scaled = s / config_.temperature;
    const at::Tensor chosen = scaled.index_select(0, at::tensor(places, at::kLong).to(s.device()));
    return at::logsumexp(scaled, {0}) - at::logsumexp(chosen, {0});
  }
  check_that(objects > 0, "grounding loss", "scores", "no object", "at least one");
  const auto type = at::dtype(s.scalar_type());
  at::Tensor target = at::zeros({objects}, type), weight = at::ones({objects}, type);
  const auto count = static_cast<double>(places.size());
  for (const std::int64_t place : places) {
    target[place] = 1;
    weight[place] = (static_cast<double>(objects) - count) / count;
  }
  return at::binary_cross_entropy_with_logits(s, target.to(s.device()), weight.to(s.device()));
}

at::Tensor object_features(const at::Tensor& tokens, const at::Tensor& selected,
                           at::ScalarType rounding) {
  const at::ScalarType type = wide_type(tokens.scalar_type());
  const at::Tensor chosen = selected.to(type);
  const at::Tensor count = chosen.sum(1, true).clamp_min(1);
  return (chosen.matmul(tokens.to(type)) / count).to(rounding).to(wide_type(rounding));
}

}  // namespace vega::vlm
