#include "fuse/recipe.h"

#include <algorithm>

#include "base/error.h"
#include "base/key.h"
#include "base/log.h"
#include "core/device.h"
#include "core/dtype.h"
#include "fusion/features.h"
#include "run/option_groups.h"
#include "store/step_folder.h"

namespace vega::fuse {
namespace fs = std::filesystem;
namespace {

constexpr std::int64_t kBatch = 8;

// Options that need the semantic stream.
void check_semantic(const TokensOptions& o) {
  if (!o.semantic.empty()) return;
  if (std::find(o.parts.begin(), o.parts.end(), TokenPart::kSemantic) != o.parts.end())
    throw UsageError(explain("--parts semantic", "no --semantic", "its folder"));
  if (!o.scenes.empty() && o.objects == ObjectMode::kPatch14)
    throw UsageError(explain("--objects patch14", "no --semantic",
                             "semantic features, which object features are means of",
                             "pass --semantic DIR, or --objects none"));
  if (!o.scenes.empty() && o.align == AlignMode::kPixel)
    throw UsageError(explain("--align pixel --scenes", "no --semantic",
                             "semantic features: positions and objects are of their cells",
                             "pass --semantic DIR, or --align reference"));
}

}  // namespace

Recipe resolve(const TokensOptions& o) {
  check_semantic(o);
  if (!o.base.empty() && o.checkpoint.empty())
    throw UsageError(explain("--base " + o.base, "no --checkpoint", "a LoRA folder or a run"));
  Recipe r{o};
  std::sort(r.parts.begin(), r.parts.end());
  r.out = o.output.out;
  r.tag = o.output.tag;
  r.overwrite = o.output.overwrite;
  r.thumbs = !o.no_thumbs;
  r.placement.device = open_device(o.device.device);
  r.placement.dtype = scalar_type(
      o.device.dtype.value_or(r.placement.device.is_cuda() ? DType::kBF16 : DType::kF32));
  r.threads = o.run.workers();
  r.batch = o.device.batch.value_or(kBatch);
  return r;
}

bool Recipe::wants(TokenPart part) const {
  return std::find(parts.begin(), parts.end(), part) != parts.end();
}

fs::path Recipe::tag_folder(const std::string& made) const {
  if (tag.empty()) return out / clean_key(made);
  check_tag(tag);
  return out / tag;
}

bool Recipe::mismatch(const TrainedOn& trained, const FeatureReader& features,
                      std::size_t tap_place, const std::string& remedy) const {
  const std::string differences = differences_from(trained, features, tap_place);
  if (differences.empty()) return false;
  const std::string message = features.path().string() + " and " + checkpoint +
                              ": other features than it was trained on" + differences;
  if (!allow_mismatch) throw InputError(message + "\n  " + remedy + ", or pass --allow-mismatch");
  log_warn("{}", message);
  return true;
}

std::string checkpoint_name(const std::string& checkpoint) {
  fs::path path = fs::absolute(checkpoint).lexically_normal();
  if (!path.has_filename()) path = path.parent_path();
  if (is_step_folder(path))
    return clean_key(path.parent_path().filename().string() + "-" + path.filename().string());
  return clean_key(fs::is_directory(path) ? path.filename().string() : path.stem().string());
}

}  // namespace vega::fuse
