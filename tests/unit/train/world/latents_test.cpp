// Walks, their pictures, and their latents.
#include "train/world/latents.h"

#include <ATen/ATen.h>
#include <catch2/catch.hpp>

#include "base/error.h"
#include "base/philox.h"
#include "media/jpeg.h"
#include "media/png.h"
#include "models/wan/vae.h"
#include "models/wan/write.h"
#include "support/support.h"

using namespace vega;
using namespace vega::train;

namespace {

// 48x32, of colour noise in squares of `side` pixels; another one for each seed and number.
ImageU8 picture(std::uint64_t seed, int number, int side = 4) {
  const int columns = 48 / side;
  std::vector<float> values(static_cast<std::size_t>(3 * columns * 32 / side));
  noise_v1(seed, "picture", number, values);
  ImageU8 image(48, 32);
  for (int y = 0; y < 32; ++y)
    for (int x = 0; x < 48; ++x)
      for (int c = 0; c < 3; ++c)
        image.row(y)[3 * x + c] = static_cast<std::uint8_t>(std::clamp(
            128 + 40 * values[static_cast<std::size_t>(3 * (y / side * columns + x / side) + c)],
            0.0F, 255.0F));
  return image;
}

void write_walk(const std::filesystem::path& folder, int pictures, std::uint64_t seed) {
  std::filesystem::create_directories(folder);
  for (int n = 0; n < pictures; ++n)
    test::write_bytes(folder / ("frame" + std::to_string(10 + n) + ".jpg"),
                      encode_jpeg(picture(seed, n), 95));
}

struct Rooms {
  test::TempFolder folder;
  WorldRecipe recipe;

  Rooms() {
    write_walk(folder / "a", 5, 1);
    write_walk(folder / "b", 3, 2);
    recipe.items = {{"a", folder / "a"}, {"b", folder / "b"}};
    recipe.select = parse_selection("stride:1");
    recipe.size = {48, 32};
    recipe.vae_pictures = 6;
  }
};

at::Tensor picture_of(const Walk& walk, std::size_t place, const WorldRecipe& recipe) {
  at::Tensor out;
  read_pictures(walk, std::vector{place}, recipe,
                [&](std::size_t, at::Tensor&& picture) { out = std::move(picture); });
  return out;
}

}  // namespace

TEST_CASE("walks: frames in order, each once, and a key of what they are") {
  Rooms rooms;
  const std::vector<Walk> walks = open_walks(rooms.recipe);
  REQUIRE(walks.size() == 2);
  CHECK(walks[0].key == "a");
  CHECK(picture_count(walks) == 8);
  const std::string key = fingerprint_of(walks, 1);
  CHECK(key == fingerprint_of(walks, 2));
  CHECK(clip_text(walks, {1, {2, 0}, true}) == "b, frames 12, 10, mirrored");
  CHECK(clip_text(walks, {0, {1}, false}) == "a, frame 11");

  rooms.recipe.select = parse_selection("stride:2");
  CHECK(picture_count(open_walks(rooms.recipe)) == 5);
  CHECK(fingerprint_of(open_walks(rooms.recipe), 1) != key);
  rooms.recipe.select = parse_selection("uniform:9");  // more than there are: some would repeat
  CHECK(picture_count(open_walks(rooms.recipe)) == 8);
}

TEST_CASE("a picture that cannot be read is named") {
  Rooms rooms;
  test::write_text(rooms.folder / "b/frame11.jpg", "no picture");
  const std::vector<Walk> walks = open_walks(rooms.recipe);
  CHECK_THROWS_WITH(picture_of(walks[1], 1, rooms.recipe), Catch::Contains("frame11.jpg"));
}

TEST_CASE("frames of a video are those of a folder with the same pictures") {
  Rooms rooms;
  const std::filesystem::path folder = rooms.folder / "png", video = rooms.folder / "walk.mkv";
  std::filesystem::create_directories(folder);
  std::string frames;  // PPM pictures one after another: a video that loses nothing
  for (int n = 0; n < 6; ++n) {
    const ImageU8 image = picture(3, n, 2);
    test::write_bytes(folder / (std::to_string(10 + n) + ".png"), encode_png(image));
    frames += "P6\n48 32\n255\n";
    frames.append(reinterpret_cast<const char*>(image.rgb.data()), image.rgb.size());
  }
  test::write_text(video, frames);
  rooms.recipe.items = {{"folder", folder}, {"video", video}};
  const std::vector<Walk> walks = open_walks(rooms.recipe);
  REQUIRE(walks[1].frames.size() == 6);
  CHECK(clip_text(walks, {1, {4, 2}, false}) == "video, frames 4, 2");
  const wan::LinearVae vae = fit_vae(walks, rooms.recipe);
  const Context context{.progress = ProgressMode::kOff, .manifest = {}, .print = {}};
  const LatentStore store = encode_walks(walks, vae, rooms.recipe, context);
  const std::vector<std::size_t> all{0, 1, 2, 3, 4, 5};
  for (const bool mirrored : {false, true})
    CHECK(at::equal(store.clips(std::vector{Clip{0, all, mirrored}}),
                    store.clips(std::vector{Clip{1, all, mirrored}})));
  // The video has 25 frames a second.
  rooms.recipe.items = {{"video", video}};
  rooms.recipe.select = parse_selection("fps:12.5");
  CHECK(open_walks(rooms.recipe)[0].frames == std::vector<std::size_t>{0, 2, 4});
}

TEST_CASE("latents are those of each picture and of its mirror image, whatever the threads") {
  Rooms rooms;
  const std::vector<Walk> walks = open_walks(rooms.recipe);
  const wan::LinearVae vae = fit_vae(walks, rooms.recipe);
  CHECK(vae.r2 > 0.99);
  const Context context{.progress = ProgressMode::kOff, .manifest = {}, .print = {}};
  const LatentStore store = encode_walks(walks, vae, rooms.recipe, context);
  const WeightViews views = wan::views_of(vae.weights);
  const wan::VaeEncoder encoder(views, vae.config, {});
  for (const Clip& clip : {Clip{0, {4, 2}, false}, Clip{1, {0, 1}, true}}) {
    const at::Tensor latents = store.clips(std::vector{clip});
    REQUIRE(latents.sizes() == at::IntArrayRef({1, 16, 2, 4, 6}));
    for (std::size_t f = 0; f < 2; ++f) {
      at::Tensor picture = picture_of(walks[clip.walk], clip.places[f], rooms.recipe);
      if (clip.mirrored) picture = picture.flip({2});
      const at::Tensor expected =
          encoder.encode(picture.unsqueeze(0))[0].to(at::kBFloat16).to(at::kFloat);
      CHECK(at::equal(latents[0].select(1, static_cast<std::int64_t>(f)), expected));
    }
  }
  rooms.recipe.threads = 3;
  const std::vector<Clip> clips{{0, {0, 1, 2}, true}, {1, {2, 1, 0}, false}};
  CHECK(
      at::equal(store.clips(clips), encode_walks(walks, vae, rooms.recipe, context).clips(clips)));
  CHECK(LatentStore::bytes(8, rooms.recipe.size, true) == 8 * 2 * 16 * 4 * 6 * 2);
}
