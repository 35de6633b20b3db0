#include "nn/linear_loss.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <optional>

#include "core/check.h"
#include "kernels/linear.h"
#include "kernels/train_rows.h"

namespace vega {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Variable;
using torch::autograd::variable_list;

constexpr const char* kLoss = "linear_cross_entropy";
constexpr std::int64_t kCpuBytes = std::int64_t{64} << 20, kGpuBytes = std::int64_t{512} << 20;

// What the gradient is asked of.
struct Wanted {
  bool hidden = false, head = false, new_rows = false;
  bool any() const { return hidden || head || new_rows; }
};

// Sums over blocks of rows. Gradients are for a sum's gradient of 1; undefined where not wanted.
class LossBlocks {
 public:
  LossBlocks(const at::Tensor& hidden, const at::Tensor& head, const LinearLossOptions& options,
             Wanted wanted)
      : hidden_(hidden), head_(head), options_(options), wanted_(wanted) {
    const at::ScalarType type = hidden.scalar_type();
    cast_head_ = head.to(type);
    if (options.new_rows.defined()) cast_rows_ = options.new_rows.to(type);
    if (wanted.hidden) d_hidden = at::zeros_like(hidden);
    if (wanted.head) d_head = at::zeros(head.sizes(), wide(head));
    if (wanted.new_rows) d_new_rows = at::zeros(cast_rows_.sizes(), wide(options.new_rows));
  }

  // rows: their numbers (n) int64, with targets (n) and weights (n). Returns CE (n).
  at::Tensor add(const at::Tensor& rows, const at::Tensor& targets, const at::Tensor& weights) {
    const at::Tensor x = hidden_.index_select(0, rows);
    at::Tensor logits = kernels::linear(x, cast_head_, {});
    if (cast_rows_.defined())
      logits.index_copy_(1, options_.new_ids, kernels::linear(x, cast_rows_, {}));
    logits = logits.to(weights.scalar_type());
    const at::Tensor entropy = become_gradient(logits, targets, weights);
    if (!wanted_.any()) return entropy;
    const at::Tensor d = logits.to(x.scalar_type());
    if (cast_rows_.defined()) {
      const at::Tensor own = d.index_select(1, options_.new_ids);
      d.index_fill_(1, options_.new_ids, 0);
      if (wanted_.new_rows) d_new_rows.add_(at::mm(own.t(), x));
      if (wanted_.hidden) d_hidden.index_add_(0, rows, at::mm(own, cast_rows_));
    }
    if (wanted_.hidden) d_hidden.index_add_(0, rows, kernels::linear(d, cast_head_.t(), {}));
    if (wanted_.head) d_head.add_(kernels::linear(d.t(), x.t(), {}));
    return entropy;
  }

  at::Tensor d_hidden, d_head, d_new_rows;

 private:
  // Returns the entropies; logits become weight (softmax - one at the target).
  static at::Tensor become_gradient(at::Tensor& logits, const at::Tensor& targets,
                                    const at::Tensor& weights) {
    if (logits.is_cpu() && logits.scalar_type() == at::kFloat) {
      at::Tensor entropies = at::empty_like(weights);
      kernels::softmax_gradient_(logits, targets, weights, entropies);
      return entropies;
    }
    const at::Tensor place = targets.unsqueeze(1);
    const at::Tensor total = at::logsumexp(logits, 1, /*keepdim=*/true);
    const at::Tensor entropies = (total - logits.gather(1, place)).squeeze(1);
    logits.sub_(total).exp_();
    logits.scatter_add_(1, place, at::full({1, 1}, -1, logits.options()).expand_as(place));
    logits.mul_(weights.unsqueeze(1));
    return entropies;
  }

  // Sums of several blocks are kept in float32 at least.
  static at::TensorOptions wide(const at::Tensor& like) {
    const bool is_double = like.scalar_type() == at::kDouble;
    return like.options().dtype(is_double ? at::kDouble : at::kFloat);
  }

  const at::Tensor& hidden_;
  const at::Tensor& head_;
  const LinearLossOptions& options_;
  Wanted wanted_;
  at::Tensor cast_head_, cast_rows_;
};

std::int64_t rows_of_a_block(const at::Tensor& hidden, const at::Tensor& head, std::int64_t asked) {
  if (asked > 0) return asked;
  const std::int64_t bytes = hidden.is_cpu() ? kCpuBytes : kGpuBytes;
  return std::max<std::int64_t>(bytes / (4 * head.size(0)), 16);
}

struct LossNode : torch::autograd::Function<LossNode> {
  // {sum, entropies}
  static variable_list forward(AutogradContext* context, const Variable& hidden,
                               const Variable& head, const std::optional<Variable>& new_rows,
                               const at::Tensor& targets, const at::Tensor& weights,
                               const LinearLossOptions& options, Wanted wanted) {
    LinearLossOptions own = options;
    own.new_rows = new_rows.value_or(Variable());
    LossBlocks blocks(hidden, head, own, wanted);
    at::Tensor entropies = at::zeros_like(weights);
    const at::Tensor kept = weights.nonzero().squeeze(1);
    const std::int64_t step = rows_of_a_block(hidden, head, options.block_rows);
    for (std::int64_t first = 0; first < kept.size(0); first += step) {
      const at::Tensor rows = kept.narrow(0, first, std::min(step, kept.size(0) - first));
      entropies.index_copy_(
          0, rows, blocks.add(rows, targets.index_select(0, rows), weights.index_select(0, rows)));
    }
    context->saved_data["hidden"] = blocks.d_hidden;
    context->saved_data["head"] = blocks.d_head;
    context->saved_data["new_rows"] = blocks.d_new_rows;
    context->saved_data["head_type"] = static_cast<std::int64_t>(head.scalar_type());
    context->mark_non_differentiable({entropies});
    return {(entropies * weights).sum(), entropies};
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const at::Tensor& scale = gradients[0];
    const auto scaled = [&](const char* name) -> Variable {
      const at::Tensor saved = context->saved_data[name].toTensor();
      if (!saved.defined()) return {};
      return saved * scale.to(saved.scalar_type());
    };
    Variable d_head = scaled("head");
    if (d_head.defined())
      d_head = d_head.to(static_cast<at::ScalarType>(context->saved_data["head_type"].toInt()));
    return {scaled("hidden"), d_head, scaled("new_rows"), {}, {}, {}, {}};
  }
};

void check_loss(const at::Tensor& hidden, const at::Tensor& head, const at::Tensor& targets,
                const at::Tensor& weights, const LinearLossOptions& options) {
  check_shape(kLoss, "hidden", hidden, {kAny, kAny});
  check_shape(kLoss, "head", head, {kAny, hidden.size(1)});
  check_shape(kLoss, "targets", targets, {hidden.size(0)});
  check_shape(kLoss, "weights", weights, {hidden.size(0)});
  check_dtype(kLoss, "targets", targets, {at::kLong});
  check_dtype(kLoss, "weights", weights,
              {hidden.scalar_type() == at::kDouble ? at::kDouble : at::kFloat});
  for (const at::Tensor* tensor : {&head, &targets, &weights})
    check_device(kLoss, "an argument", *tensor, hidden.device());
  check_that(options.new_ids.defined() == options.new_rows.defined(), kLoss, "new_ids",
             "one of new_ids and new_rows", "both or none");
  if (options.new_rows.defined()) {
    check_shape(kLoss, "new_rows", options.new_rows, {kAny, hidden.size(1)});
    check_shape(kLoss, "new_ids", options.new_ids, {options.new_rows.size(0)});
  }
  const at::Tensor bad =
      (weights != 0).logical_and((targets < 0).logical_or(targets >= head.size(0)));
  check_that(!bad.any().item<bool>(), kLoss, "targets", "one outside of the vocabulary",
             "0 to " + std::to_string(head.size(0) - 1));
}

}  // namespace

LinearLoss linear_cross_entropy(const at::Tensor& hidden, const at::Tensor& head,
                                const at::Tensor& targets, const at::Tensor& weights,
                                const LinearLossOptions& options) {
  check_loss(hidden, head, targets, weights, options);
  Wanted wanted;
  if (at::GradMode::is_enabled()) {
    wanted = {hidden.requires_grad(), head.requires_grad(),
              options.new_rows.defined() && options.new_rows.requires_grad()};
  }
  std::optional<Variable> new_rows;
  if (options.new_rows.defined()) new_rows = options.new_rows;
  const variable_list out =
      LossNode::apply(hidden, head, new_rows, targets, weights, options, wanted);
  return {out[0], out[1]};
}

}  // namespace vega
