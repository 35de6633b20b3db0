#include "vlm/qwen_vl.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>
#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "core/check.h"
#include "core/on_device.h"

namespace vega::vlm {
namespace {

using qwen2_5_vl::kCell;

constexpr auto kSystem = "system\nYou are a helpful assistant.";
// Keys and values of 32 frames of a usual video, and of questions and answers: memory for so many
// must be there beside the weights.
constexpr std::int64_t kUsualTokens = 12288;
// Frames whose patches are held at a time.
constexpr std::size_t kMostFrames = 32;

std::optional<qwen2_5_vl::Tower> make_tower(const qwen2_5_vl::Checkpoint& c,
                                            const QwenVlOptions& options) {
  if (!options.sees_frames) return std::nullopt;
  const Placement& placement = options.placement;
  c.check_finite();
  return on_device(placement.device, [&] {
    return qwen2_5_vl::Tower(c.tower, c.config.vision, {placement.device, placement.dtype});
  });
}

std::optional<GenerativeBranch> make_branch(const qwen2_5_vl::Checkpoint& c,
                                            const QwenVlOptions& options) {
  if (!options.sees_frames || !c.config.generative) return std::nullopt;
  BranchOptions branch = options.branch;
  branch.placement = options.placement;
  return std::optional<GenerativeBranch>(std::in_place, c, branch);
}

qwen2::Decoder make_qwen_decoder(const qwen2_5_vl::Checkpoint& c, const Placement& placement) {
  const std::int64_t most = c.config.text.max_positions;
  return on_device(placement.device, [&] {
    return qwen2::Decoder(c.set, c.config.text,
                          {c.folder.string(), c.layout.decoder, "lm_head.weight", {}},
                          {placement.device, placement.dtype,
                           most > 0 ? std::min(most, kUsualTokens) : kUsualTokens});
  });
}

// IdList of a prompt, put together from texts and marks.
class IdList {
 public:
  IdList(const text::Tokenizer& words, std::vector<std::int64_t>& ids) : words_(words), ids_(ids) {}

  IdList& text(std::string_view text, text::Control control = text::Control::kText) {
    for (const std::int32_t id : words_.encode(text, control)) ids_.push_back(id);
    return *this;
  }
  IdList& mark(const char* word) {
    ids_.push_back(words_.id_of(word).value());  // QwenVl::check_words
    return *this;
  }

 private:
  const text::Tokenizer& words_;
  std::vector<std::int64_t>& ids_;
};

}  // namespace

std::int64_t SeenFrames::visual_tokens() const {
  std::int64_t sum = 0;
  for (const auto& [rows, columns] : grids_) sum += rows * columns;
  return sum;
}

QwenVl::QwenVl(qwen2_5_vl::Checkpoint checkpoint, text::Tokenizer words,
               const QwenVlOptions& options)
    : checkpoint_(std::move(checkpoint)),
      words_(std::move(words)),
      options_(options),
      tower_(make_tower(checkpoint_, options)),
      branch_(make_branch(checkpoint_, options)),
      decoder_(make_qwen_decoder(checkpoint_, options.placement)) {
  check_words();
}

// The ids of config.json are those of the tokeniser, within the embedding.
void QwenVl::check_words() const {
  const qwen2_5_vl::Config& c = checkpoint_.config;
  const auto check = [&](const char* word, const char* key, std::int64_t expected) {
    const auto id = words_.id_of(word);
    const bool same = id && (key == nullptr || *id == expected);
    if (same && *id < c.text.vocab) return;
    throw FormatError(explain(
        checkpoint_.folder.string() + ": the tokeniser",
        id ? fmt::format("id {} for {}", *id, word) : fmt::format("no token {}", word),
        key == nullptr ? fmt::format("one below {}, the rows of the embedding", c.text.vocab)
                       : fmt::format("{}, the {} of config.json", expected, key),
        "put the tokeniser that belongs to the model beside its weights"));
  };
  check("<|im_start|>", nullptr, 0);
  check("<|im_end|>", nullptr, 0);
  check("<|image_pad|>", "image_token_id", c.image_token);
  check("<|vision_start|>", "vision_start_token_id", c.vision_start);
  check("<|vision_end|>", "vision_end_token_id", c.vision_end);
}

void QwenVl::check_length(const std::string& key, std::int64_t visual, std::int64_t text) const {
  const std::int64_t most = checkpoint_.config.text.max_positions;
  if (most == 0 || visual + text < most) return;
  throw InputError(explain(
      "frames of " + key,
      fmt::format("{} tokens, {} of the frames and {} of the text", visual + text, visual, text),
      fmt::format("fewer than {}, max_position_embeddings in config.json", most),
      "take fewer frames (--frames) or smaller ones (--max-pixels)"));
}

UnitImage QwenVl::prepare(const ImageU8& frame) const {
  return qwen2_5_vl::prepare_frame(frame, options_.preparation, options_.bounds);
}

// Tokens (N, gh, gw, H) of pictures of one size, and Wan's features of them (N, h, w, C).
at::Tensor QwenVl::fuse(const at::Tensor& semantic, const at::Tensor& features) const {
  return branch_->modules().forward(semantic, features.to(semantic.device())).fused;
}

// Pictures of one size go together.
at::Tensor QwenVl::tokens_of(const std::string& key, const std::vector<UnitImage>& pictures,
                             const BranchFrames& branch) const {
  const c10::NoGradGuard no_grad;
  const std::size_t wanted = branch_ ? pictures.size() : 0;
  check_that(branch.pixels.size() == wanted && branch.ids.size() == wanted, "QwenVl", "branch",
             fmt::format("{} frames", branch.pixels.size()), fmt::format("{}", wanted));
  const at::Tensor features = branch_ ? branch_->features(key, branch) : at::Tensor();
  std::vector<at::Tensor> out;
  for (std::size_t first = 0; first < pictures.size();) {
    const ImageSize size = pictures[first].size();
    const auto begin = static_cast<std::int64_t>(first);
    std::vector<at::Tensor> patches;
    while (first < pictures.size() && pictures[first].size() == size &&
           patches.size() < kMostFrames)
      patches.push_back(qwen2_5_vl::patches_of(pictures[first++], options_.normalization));
    const at::Tensor batch = at::stack(patches).to(options_.placement.device);
    const std::int64_t rows = size.height / kCell, columns = size.width / kCell;
    at::Tensor tokens = tower_->forward(batch, rows, columns);
    if (branch_)
      tokens = fuse(tokens.unflatten(1, {rows, columns}), features.narrow(0, begin, batch.size(0)))
                   .flatten(1, 2);
    out.push_back(tokens.flatten(0, 1));
  }
  return at::cat(out);
}

SeenFrames QwenVl::see(const std::string& key, const std::vector<UnitImage>& pictures,
                       const BranchFrames& branch) const {
  std::vector<std::array<std::int64_t, 2>> grids;
  for (const UnitImage& picture : pictures)
    grids.push_back({picture.height / kCell, picture.width / kCell});
  return show(key, std::move(grids), [&] { return tokens_of(key, pictures, branch); });
}

SeenFrames QwenVl::see_tokens(const std::string& key, const at::Tensor& tokens) const {
  check_shape("QwenVl", "tokens", tokens, {kAny, kAny, kAny, checkpoint_.config.text.hidden});
  std::vector<std::array<std::int64_t, 2>> grids(static_cast<std::size_t>(tokens.size(0)),
                                                 {tokens.size(1), tokens.size(2)});
  return show(key, std::move(grids), [&] { return tokens.flatten(0, 2); });
}

// tokens: (tokens, H) of all frames, one behind the other.
SeenFrames QwenVl::show(const std::string& key, std::vector<std::array<std::int64_t, 2>> grids,
                        const std::function<at::Tensor()>& tokens) const {
  const c10::NoGradGuard no_grad;
  if (grids.empty()) throw InputError(explain("frames of " + key, "none", "at least one"));
  SeenFrames out;
  out.key_ = key;
  out.grids_ = std::move(grids);
  IdList begin(words_, out.ids_);
  begin.mark("<|im_start|>").text(kSystem).mark("<|im_end|>").text("\n");
  begin.mark("<|im_start|>");
  std::string before = "user\n";     // with the first number one piece of text
  std::vector<std::int64_t> places;  // of the pictures' tokens among the ids
  std::size_t counted = 0;
  const auto count_text = [&] {
    out.positions_.text(static_cast<std::int64_t>(out.ids_.size() - counted));
    counted = out.ids_.size();
  };
  for (std::size_t n = 0; n < out.grids_.size(); ++n) {
    const auto [rows, columns] = out.grids_[n];
    if (options_.numbers_frames) before += fmt::format("Frame-{}: ", n);
    begin.text(std::exchange(before, {}));
    begin.mark("<|vision_start|>");
    count_text();
    for (std::int64_t cell = 0; cell < rows * columns; ++cell) {
      places.push_back(static_cast<std::int64_t>(out.ids_.size()));
      out.ids_.push_back(checkpoint_.config.image_token);
    }
    out.positions_.picture(rows, columns);
    counted = out.ids_.size();
    begin.mark("<|vision_end|>");
  }
  count_text();
  const auto visual = static_cast<std::int64_t>(places.size());
  check_length(key, visual, static_cast<std::int64_t>(out.ids_.size()) - visual);
  on_device(options_.placement.device, [&] {
    at::Tensor embeddings = decoder_.embed(out.ids_);
    embeddings.index_copy_(0, at::tensor(places, at::kLong).to(embeddings.device()),
                           tokens().to(embeddings.options()));
    auto cache = std::make_unique<KvCache>(decoder_.new_cache(embeddings.size(0)));
    decoder_.forward(embeddings, out.positions_.take(), *cache, /*last_only=*/true);
    out.cache_ = std::move(cache);
  });
  return out;
}

qwen2::Prompt QwenVl::prompt(const SeenFrames& frames, const std::string& question) const {
  qwen2::Prompt out;
  IdList ids(words_, out.ids);
  ids.text(question, options_.control_words).mark("<|im_end|>").text("\n");
  ids.mark("<|im_start|>").text("assistant\n");
  const auto count = static_cast<std::int64_t>(out.ids.size());
  const std::int64_t visual = frames.visual_tokens();
  check_length(frames.key_, visual, static_cast<std::int64_t>(frames.ids_.size()) - visual + count);
  qwen2_5_vl::PositionCounter positions = frames.positions_;
  positions.text(count);
  out.positions = positions.take();
  out.next_position = positions.next();
  out.prefix = frames.cache_.get();
  out.prefix_ids = frames.ids_;  // the penalty sees the whole prompt, as in transformers
  out.key = frames.key_;
  return out;
}

Reply QwenVl::answer(const SeenFrames& frames, const std::string& question,
                     const qwen2::GenerationConfig& config, const OnText& on_text) const {
  const c10::NoGradGuard no_grad;
  return on_device(options_.placement.device, [&] {
    return reply_to(decoder_, words_, prompt(frames, question), config, on_text);
  });
}

Json QwenVl::describe() const {
  Json out{{"checkpoint", checkpoint_.folder.string()},
           {"checkpoint_fingerprint", checkpoint_.fingerprint()},
           {"family", "qwen2.5-vl"}};
  if (!options_.sees_frames) return out;
  out.set("preparation",
          name_in<qwen2_5_vl::Preparation>(qwen2_5_vl::kPreparations, options_.preparation));
  out.set("min_pixels", options_.bounds.least);
  out.set("max_pixels", options_.bounds.most);
  if (branch_) out.set("generative", branch_->describe());
  return out;
}

}  // namespace vega::vlm
