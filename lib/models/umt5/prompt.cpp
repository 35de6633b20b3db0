#include "models/umt5/prompt.h"

#include <ATen/ATen.h>
#include <sys/mman.h>

#include "base/error.h"
#include "base/json_fields.h"
#include "core/tensor.h"
#include "models/model_path.h"
#include "models/umt5/names.h"
#include "weights/model_files.h"
#include "weights/safetensors.h"
#include "weights/tensor_set.h"
#include "weights/torch_file.h"

namespace vega::umt5 {
namespace fs = std::filesystem;
namespace {

constexpr auto kOriginalFile = "models_t5_umt5-xxl-enc-bf16.pth";
constexpr std::int64_t kEos = 1;
constexpr double kEps = 1e-6;

// What transformers may write a second time: the embedding is tied.
constexpr auto kTied = "encoder.embed_tokens.weight";

struct Weights {
  fs::path where;  // file or folder
  TensorSet set;
  Config config;
  KeyLayout layout = KeyLayout::kCanonical;
  WeightViews views;
};

// Sizes come from the tensors; what else changes numbers has one value that is computed.
void check_config(const fs::path& path) {
  const JsonFields fields(path);
  constexpr auto kReads = "vega reads the UMT5-XXL text encoder of Wan2.1";
  fields.expect("model_type", "umt5", kReads);
  fields.expect("dense_act_fn", "gelu_new", kReads);
  fields.expect("feed_forward_proj", "gated-gelu", kReads);
  fields.expect("layer_norm_epsilon", kEps, kReads);
  fields.expect("eos_token_id", kEos, kReads);
}

Weights open_weights(const fs::path& model) {
  Weights w;
  for (const fs::path& folder : {model / "text_encoder", model}) {
    if (!is_there(folder / "config.json") || is_there(model / kOriginalFile)) continue;
    if (folder == model && !is_there(model / "model.safetensors") &&
        !is_there(model / "model.safetensors.index.json")) {
      continue;
    }
    w.where = folder;
    check_config(folder / "config.json");
    w.set = read_sharded(folder, "model");
    w.layout = KeyLayout::kAlias;
    return w;
  }
  const fs::path file = is_folder(model) ? model / kOriginalFile : model;
  if (!is_there(file)) {
    throw InputError(explain("--model " + model.string(), "no text encoder there",
                             std::string(kOriginalFile) + " or text_encoder/",
                             "give that file, or the folder that holds one of the two"));
  }
  w.where = file;
  w.set = read_torch_file(file);
  return w;
}

// The sizes, as the shapes of the first block tell them.
Config config_of(const Weights& w) {
  Config c;
  const bool alias = w.layout == KeyLayout::kAlias;
  const auto shape = [&](const std::string& canonical,
                         const std::string& transformers) -> const Shape& {
    const std::string& name = alias ? transformers : canonical;
    const Shape& found = w.set.at(name).shape;
    if (found.size() == 2 && found[0] > 0 && found[1] > 0) return found;
    throw FormatError(
        explain(w.set.origin(name).string() + ": " + name, to_string(found), "a matrix"));
  };
  const Shape& embedding = shape("token_embedding.weight", "shared.weight");
  const Shape& value =
      shape("blocks.0.attn.v.weight", "encoder.block.0.layer.0.SelfAttention.v.weight");
  const Shape& up =
      shape("blocks.0.ffn.fc1.weight", "encoder.block.0.layer.1.DenseReluDense.wi_1.weight");
  const Shape& bias = shape("blocks.0.pos_embedding.embedding.weight",
                            "encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight");
  c.vocabulary = embedding[0];
  c.dim = embedding[1];
  c.inner = value[0];
  c.ffn = up[0];
  c.buckets = bias[0];
  c.heads = bias[1];
  // A block counts when anything of it is there, so that what it lacks is named.
  const auto& all = w.set.tensors();
  for (c.layers = 0;; ++c.layers) {
    const std::string block =
        (alias ? "encoder.block." : "blocks.") + std::to_string(c.layers) + ".";
    const auto first = all.lower_bound(block);
    if (first == all.end() || !first->first.starts_with(block)) break;
  }
  if (c.vocabulary <= kEos) {
    throw FormatError(
        explain(w.where.string() + ": token embedding", "no row for EOS", "at least 2 rows"));
  }
  return c;
}

// Reads each weight once, so its mapped pages are dropped again: the 11 GB file never fills the
// memory.
class Reader {
 public:
  explicit Reader(const Weights& w) : w_(w) {
    for (const auto& tensor : tensors(w.config)) names_[tensor.canonical] = tensor.name(w.layout);
  }

  at::Tensor read(const std::string& canonical) const {
    return checked(canonical, w_.views.at(canonical));
  }

  at::Tensor product(const std::string& canonical, const at::Tensor& x) const {
    const at::Tensor y = at::mv(read(canonical), x);
    drop(w_.views.at(canonical));
    return y;
  }

  at::Tensor embedding_row(std::int64_t row) const {
    TensorView view = w_.views.at("token_embedding.weight");
    const std::int64_t width = view.shape[1];
    view.data += static_cast<std::size_t>(row * width) * size_of(view.dtype);
    view.shape = {width};
    const at::Tensor out = checked("token_embedding.weight", view);
    drop(w_.views.at("token_embedding.weight"));
    return out;
  }

 private:
  at::Tensor checked(const std::string& canonical, const TensorView& view) const {
    const std::string& name = names_.at(canonical);
    w_.set.verify(name);
    check_finite(name, view, w_.set.origin(name));
    return owned_float_from(view);
  }

  static void drop(const TensorView& view) {
    constexpr std::uintptr_t kPage = 4096;
    const auto begin = (reinterpret_cast<std::uintptr_t>(view.data) + kPage - 1) / kPage * kPage;
    const auto end = (reinterpret_cast<std::uintptr_t>(view.data) + view.bytes()) / kPage * kPage;
    if (end > begin) madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
  }

  const Weights& w_;
  std::map<std::string, std::string> names_;  // canonical to that in the file
};

at::Tensor rms(const at::Tensor& x, const at::Tensor& weight) {
  return x * at::rsqrt(x.square().mean() + kEps) * weight;
}

}  // namespace

std::vector<fs::path> weight_files(const fs::path& model) {
  return open_weights(model).set.files();
}

std::vector<float> empty_prompt(const fs::path& model,
                                const std::function<void(std::int64_t, std::int64_t)>& progress) {
  Weights w = open_weights(model);
  w.config = config_of(w);
  const bool alias = w.layout == KeyLayout::kAlias;
  w.views = take_tensors(
      w.set, tensors(w.config), w.layout,
      {w.where.string(), "", [=](std::string_view name) { return alias && name == kTied; }});
  const Reader reader(w);
  at::Tensor x = reader.embedding_row(kEos);
  for (std::int64_t n = 0; n < w.config.layers; ++n) {
    const std::string block = "blocks." + std::to_string(n) + ".";
    const at::Tensor value =
        reader.product(block + "attn.v.weight", rms(x, reader.read(block + "norm1.weight")));
    x = x + reader.product(block + "attn.o.weight", value);
    const at::Tensor normed = rms(x, reader.read(block + "norm2.weight"));
    const at::Tensor gate = at::gelu(reader.product(block + "ffn.gate.0.weight", normed), "tanh");
    const at::Tensor hidden = reader.product(block + "ffn.fc1.weight", normed) * gate;
    x = x + reader.product(block + "ffn.fc2.weight", hidden);
    if (progress) progress(n + 1, w.config.layers);
  }
  x = rms(x, reader.read("norm.weight")).contiguous();
  const float* data = x.const_data_ptr<float>();
  return {data, data + x.numel()};
}

}  // namespace vega::umt5
