// A checkpoint's tensors changed by an adapter or by training: pairs of LoRA, rows of a table,
// whole tensors.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/dtype.h"
#include "weights/tensor_set.h"

namespace vega::vlm {

// How strongly pairs count: alpha / r, or alpha / sqrt(r) where the rank is stabilised
// (use_rslora). Patterns give modules an own rank or alpha: the first that matches counts. A
// pattern is a regular expression for the last parts of a module's name, as peft's rank_pattern and
// alpha_pattern.
struct LoraScales {
  std::int64_t rank = 0;
  double alpha = 0;
  bool rank_stabilised = false;
  std::vector<std::pair<std::string, std::int64_t>> ranks = {};
  std::vector<std::pair<std::string, double>> alphas = {};

  // Of a module, such as "model.layers.0.self_attn.q_proj".
  std::int64_t rank_of(const std::string& module) const;
  double scale_of(const std::string& module) const;
};

// W + scale * B A: a (rank, in), b (out, rank). Of an embedding a is (rank, rows), b (width, rank),
// and what is added is (B A)^T.
struct LoraPair {
  TensorView a, b;
  bool has_a = false, has_b = false;
  bool embedding = false;
  double scale = 0;
};

// Rows of a table (an embedding) that replace those of the base: rows (ids, width). Ids beyond the
// table make it longer; they must follow it without a gap.
struct NewRows {
  TensorView rows;
  std::vector<std::int64_t> ids;
};

struct Changes {
  std::filesystem::path where;  // for messages
  std::string remedy;           // where a change does not fit the base
  TensorSet set;                // keeps what the views show alive; its files are noted
  // All by the name of the base's tensor.
  std::map<std::string, LoraPair> pairs;
  std::map<std::string, NewRows> rows;
  std::map<std::string, std::string> whole;  // base's name -> name in `set`
};

// The base's tensors with the changes: whole tensors first, as they are stored; pairs are merged in
// float32 and rounded to `type` once; tables with new rows have the type `type`. Throws
// FormatError: half a pair, shapes that do not fit, a pair or rows for a tensor that is not there.
TensorSet apply_changes(const TensorSet& base, const Changes& changes, DType type);

// Takes the pairs of the decoder's linears, embedding and head out of the changes.
void leave_decoder_out(Changes& changes);

// All tensors of a set but those that `skip` names.
TensorSet copy_without(const TensorSet& set,
                       const std::function<bool(const std::string& name)>& skip);

// Adds a tensor whose values the set keeps alive. file: where it comes from, for messages.
void add_owned(TensorSet& set, const std::string& name, const at::Tensor& value,
               const std::filesystem::path& file);

}  // namespace vega::vlm
