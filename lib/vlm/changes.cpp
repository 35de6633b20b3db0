#include "vlm/changes.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <regex>

#include "base/error.h"
#include "core/dtype.h"
#include "core/tensor.h"

namespace vega::vlm {
namespace {

// The first pattern that a module's name matches, as peft's get_pattern_key; null: none does.
template <typename T>
const T* value_of(const std::vector<std::pair<std::string, T>>& patterns,
                  const std::string& module) {
  for (const auto& [pattern, value] : patterns)
    if (std::regex_match(module, std::regex("(.*\\.)?(" + pattern + ")"))) return &value;
  return nullptr;
}

[[noreturn]] void fail_change(const Changes& changes, const std::string& what,
                              const std::string& got, const std::string& expected) {
  throw FormatError(explain(changes.where.string() + ": " + what, got, expected, changes.remedy));
}

at::Tensor merged(const Changes& changes, const std::string& name, const TensorView& weight,
                  const LoraPair& pair, DType type) {
  const std::string what = "the pair of " + name;
  if (!pair.has_a || !pair.has_b)
    fail_change(changes, what, pair.has_a ? "lora_A alone" : "lora_B alone", "both");
  const Shape &a = pair.a.shape, &b = pair.b.shape;
  const bool plain = a.size() == 2 && b.size() == 2 && weight.shape.size() == 2 && a[0] == b[1];
  const Shape product = plain ? (pair.embedding ? Shape{a[1], b[0]} : Shape{b[0], a[1]}) : Shape{};
  if (!plain || product != weight.shape)
    fail_change(changes, what, to_string(b) + " x " + to_string(a), to_string(weight.shape));
  at::Tensor delta = float_tensor_from(pair.b).matmul(float_tensor_from(pair.a));
  if (pair.embedding) delta = delta.t();
  return (float_tensor_from(weight) + pair.scale * delta).to(scalar_type(type));
}

at::Tensor with_new_rows(const Changes& changes, const std::string& name, const TensorView& table,
                         const NewRows& added, DType type) {
  const std::string what = "the new rows of " + name;
  const Shape& shape = added.rows.shape;
  const auto count = static_cast<std::int64_t>(added.ids.size());
  if (table.shape.size() != 2 || shape != Shape{count, table.shape[1]})
    fail_change(changes, what, to_string(shape) + " beside " + to_string(table.shape),
                std::to_string(count) + " rows of the table's width");
  std::vector<std::int64_t> sorted = added.ids;
  std::ranges::sort(sorted);
  std::int64_t rows = table.shape[0];
  for (std::size_t i = 0; i < sorted.size(); ++i) {
    if (sorted[i] < 0 || sorted[i] > rows || (i > 0 && sorted[i] == sorted[i - 1]))
      fail_change(changes, what, "row " + std::to_string(sorted[i]),
                  "distinct rows that follow the " + std::to_string(table.shape[0]) +
                      " of the table without a gap");
    rows = std::max(rows, sorted[i] + 1);
  }
  at::Tensor out = at::empty({rows, table.shape[1]}, scalar_type(type));
  out.slice(0, 0, table.shape[0]).copy_(tensor_from(table));
  const at::Tensor values = tensor_from(added.rows);
  for (std::int64_t i = 0; i < count; ++i)
    out[added.ids[static_cast<std::size_t>(i)]].copy_(values[i]);
  return out;
}

}  // namespace

std::int64_t LoraScales::rank_of(const std::string& module) const {
  const std::int64_t* found = value_of(ranks, module);
  return found != nullptr ? *found : rank;
}

double LoraScales::scale_of(const std::string& module) const {
  const double* found = value_of(alphas, module);
  const auto r = static_cast<double>(rank_of(module));
  return (found != nullptr ? *found : alpha) / (rank_stabilised ? std::sqrt(r) : r);
}

void leave_decoder_out(Changes& changes) {
  std::erase_if(changes.pairs, [](const auto& entry) {
    const std::string& name = entry.first;
    return name.starts_with("model.layers.") || name.starts_with("model.embed_tokens.") ||
           name.starts_with("lm_head.");
  });
}

TensorSet copy_without(const TensorSet& set,
                       const std::function<bool(const std::string& name)>& skip) {
  TensorSet out;
  for (const auto& file : set.files()) out.add_file(file);
  for (const auto& [name, view] : set.tensors())
    if (!skip(name)) out.add(name, view, set.owner(name), set.origin(name));
  for (const auto& [name, type] : set.unreadable())
    out.add_unreadable(name, type, set.origin(name));
  for (const auto& [key, value] : set.metadata()) out.add_metadata(key, value);
  return out;
}

void add_owned(TensorSet& set, const std::string& name, const at::Tensor& value,
               const std::filesystem::path& file) {
  const auto owner = std::make_shared<const at::Tensor>(value.contiguous());
  set.add(name, view_of(*owner), owner, file);
}

TensorSet apply_changes(const TensorSet& base, const Changes& changes, DType type) {
  const auto& [where, remedy, set, pairs, rows, whole] = changes;
  TensorSet out = copy_without(base, [&](const std::string& name) {
    return whole.contains(name) || pairs.contains(name) || rows.contains(name);
  });
  for (const auto& file : set.files()) out.add_file(file);
  const auto file = set.files().empty() ? where : set.files().front();
  // What a pair or rows change: what training stored whole, or else the base's.
  const auto changed = [&](const std::string& what, const std::string& name) -> const TensorView& {
    const auto own = whole.find(name);
    const TensorView* view = own != whole.end() ? set.find(own->second) : base.find(name);
    if (view == nullptr) fail_change(changes, what + name, "no such tensor in the base", "it");
    return *view;
  };
  for (const auto& [name, pair] : pairs) {
    if (rows.contains(name))
      fail_change(changes, name, "a pair and rows for one table", "one of them");
    const TensorView& weight = changed("the pair of ", name);
    add_owned(out, name, merged(changes, name, weight, pair, type), file);
  }
  for (const auto& [name, added] : rows) {
    const TensorView& table = changed("the new rows of ", name);
    add_owned(out, name, with_new_rows(changes, name, table, added, type), file);
  }
  for (const auto& [name, own] : whole) {
    if (!pairs.contains(name) && !rows.contains(name))
      out.add(name, set.at(own), set.owner(own), set.origin(own));
  }
  return out;
}

}  // namespace vega::vlm
