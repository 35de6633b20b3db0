#include "train/world/latents.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "base/parallel.h"
#include "base/progress.h"
#include "core/on_device.h"
#include "models/wan/vae.h"
#include "models/wan/write.h"

namespace vega::train {
namespace {

constexpr std::size_t kChunk = 64;  // pictures that are decoded before they are encoded

std::vector<std::size_t> places_from(std::size_t first, std::size_t end) {
  std::vector<std::size_t> out;
  for (std::size_t place = first; place < end; ++place) out.push_back(place);
  return out;
}

// Encodes pictures of one walk and their mirror images.
class WalkEncoder {
 public:
  WalkEncoder(const wan::LinearVae& vae, const WorldRecipe& recipe, LatentStore& store)
      : recipe_(recipe),
        store_(store),
        views_(wan::views_of(vae.weights)),
        encoder_(views_, vae.config, {recipe.device, at::kFloat, false}) {}

  void run(std::size_t walk, std::span<const std::size_t> places,
           std::span<const at::Tensor> pictures) {
    const std::size_t images = recipe_.clips.mirror ? 2 : 1;
    if (recipe_.device.is_cuda()) {
      for (std::size_t image = 0; image < images; ++image) run_batch(walk, places, pictures, image);
      return;
    }
    parallel_for(
        images * places.size(), recipe_.threads,
        [&](std::size_t n) {
          const c10::NoGradGuard no_gradients;
          const at::Tensor picture = image_of(pictures[n / images], n % images).unsqueeze(0);
          store_.put(walk, places[n / images], n % images == 1, encoder_.encode(picture)[0]);
        },
        [] { at::set_num_threads(1); });
  }

 private:
  static at::Tensor image_of(const at::Tensor& picture, std::size_t image) {
    return image == 0 ? picture : picture.flip({2});
  }

  void run_batch(std::size_t walk, std::span<const std::size_t> places,
                 std::span<const at::Tensor> pictures, std::size_t image) {
    const c10::NoGradGuard no_gradients;
    std::vector<at::Tensor> batch;
    for (const at::Tensor& picture : pictures) batch.push_back(image_of(picture, image));
    on_device(recipe_.device, [&] {
      const at::Tensor latents = encoder_.encode(at::stack(batch).to(recipe_.device)).to(at::kCPU);
      for (std::size_t n = 0; n < places.size(); ++n)
        store_.put(walk, places[n], image == 1, latents[static_cast<std::int64_t>(n)]);
    });
  }

  const WorldRecipe& recipe_;
  LatentStore& store_;
  WeightViews views_;
  wan::VaeEncoder encoder_;
};

}  // namespace

LatentStore::LatentStore(std::span<const std::size_t> lengths, ImageSize size, bool mirrored) {
  for (const std::size_t length : lengths)
    walks_.push_back(at::empty({static_cast<std::int64_t>(length), mirrored ? 2 : 1, 16,
                                size.height / wan::kLatentStride, size.width / wan::kLatentStride},
                               at::kBFloat16));
}

double LatentStore::bytes(std::size_t pictures, ImageSize size, bool mirrored) {
  const double cells =
      static_cast<double>(size.height / wan::kLatentStride * (size.width / wan::kLatentStride));
  return static_cast<double>(pictures) * (mirrored ? 2 : 1) * 16 * cells * 2;
}

void LatentStore::put(std::size_t walk, std::size_t place, bool mirrored,
                      const at::Tensor& latent) {
  walks_[walk][static_cast<std::int64_t>(place)][mirrored ? 1 : 0].copy_(latent);
}

at::Tensor LatentStore::clips(std::span<const Clip> clips) const {
  std::vector<at::Tensor> out;
  for (const Clip& clip : clips) {
    std::vector<at::Tensor> frames;
    for (const std::size_t place : clip.places)
      frames.push_back(walks_[clip.walk][static_cast<std::int64_t>(place)][clip.mirrored ? 1 : 0]);
    out.push_back(at::stack(frames, 1));
  }
  return at::stack(out).to(at::kFloat);
}

wan::LinearVae fit_vae(std::span<const Walk> walks, const WorldRecipe& recipe) {
  const std::size_t all = picture_count(walks),
                    count = std::min(all, static_cast<std::size_t>(recipe.vae_pictures));
  wan::LinearVaeFit fit(recipe.vae_width);
  std::size_t before = 0, next = 0;  // pictures of earlier walks; the next one of the fit
  for (const Walk& walk : walks) {
    std::vector<std::size_t> places;
    for (; next < count && next * all / count < before + walk.frames.size(); ++next)
      places.push_back(next * all / count - before);
    before += walk.frames.size();
    for (std::size_t first = 0; first < places.size(); first += kChunk) {
      const std::span part =
          std::span(places).subspan(first, std::min(kChunk, places.size() - first));
      std::vector<at::Tensor> pictures(part.size());
      read_pictures(walk, part, recipe,
                    [&](std::size_t n, at::Tensor&& picture) { pictures[n] = std::move(picture); });
      fit.add(at::stack(pictures));
    }
  }
  return fit.finish(recipe.vae_power);
}

LatentStore encode_walks(std::span<const Walk> walks, const wan::LinearVae& vae,
                         const WorldRecipe& recipe, const Context& context) {
  std::vector<std::size_t> lengths;
  for (const Walk& walk : walks) lengths.push_back(walk.frames.size());
  LatentStore store(lengths, recipe.size, recipe.clips.mirror);
  WalkEncoder encoder(vae, recipe, store);
  const int threads = at::get_num_threads();
  Progress progress("encode", "picture", static_cast<std::int64_t>(picture_count(walks)),
                    context.progress);
  for (std::size_t w = 0; w < walks.size(); ++w) {
    for (std::size_t first = 0; first < lengths[w]; first += kChunk) {
      const std::vector<std::size_t> places =
          places_from(first, std::min(lengths[w], first + kChunk));
      std::vector<at::Tensor> pictures(places.size());
      read_pictures(walks[w], places, recipe,
                    [&](std::size_t n, at::Tensor&& picture) { pictures[n] = std::move(picture); });
      encoder.run(w, places, pictures);
      progress.add(static_cast<std::int64_t>(places.size()));
    }
  }
  at::set_num_threads(threads);  // one worker alone is this thread
  return store;
}

}  // namespace vega::train
