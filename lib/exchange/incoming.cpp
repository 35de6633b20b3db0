#include "exchange/incoming.h"

#include <fmt/core.h>

#include <algorithm>
#include <set>

#include "base/error.h"
#include "base/key.h"
#include "base/log.h"
#include "media/view.h"

namespace vega::exchange {
namespace fs = std::filesystem;
namespace {

constexpr const char* kTokens = "tokens";  // the name that export gives

std::vector<fs::path> files_of(const fs::path& path) {
  if (!fs::is_directory(path)) return {path};
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(path)) {
    if (entry.is_regular_file() && Foreign::is_known(entry.path())) files.push_back(entry.path());
  }
  if (files.empty())
    throw InputError(explain(path.string(), "a folder without .pt, .safetensors, .npy or .npz",
                             "the taps of a scene, a file each"));
  std::sort(files.begin(), files.end());
  return files;
}

[[noreturn]] void missing(const char* option, const fs::path& path, const std::string& expected) {
  throw UsageError(explain(option, "nothing, and " + path.string() + " does not say it", expected));
}

std::string listed(const Foreign& file) {
  std::string text;
  std::size_t shown = 0;
  for (const auto& entry : file.entries()) {
    if (++shown > 12) return text + ", ...";
    text += (text.empty() ? "" : ", ") + ("'" + entry.name + "' ");
    text += entry.problem.empty()
                ? std::string(vega::name_of(entry.dtype)) + " " + to_string(entry.shape)
                : "(unreadable)";
  }
  return text.empty() ? "no array" : text;
}

bool may_be_tokens(const Foreign::Entry& entry) {
  return entry.problem.empty() && is_float(entry.dtype) && entry.shape.size() == 4;
}

// The array that is meant.
const Foreign::Entry& chosen(const Foreign& file, const std::string& name) {
  if (!name.empty()) {
    if (const auto* entry = file.find(name)) return *entry;
    throw InputError(explain(file.path().string() + ": --name " + name, "no such array",
                             "one of " + listed(file)));
  }
  const Foreign::Entry* found = nullptr;
  std::size_t fit = 0;
  for (const auto& entry : file.entries()) {
    if (file.entries().size() == 1) return entry;
    if (!may_be_tokens(entry)) continue;
    found = &entry;
    ++fit;
  }
  if (fit == 1) return *found;
  throw InputError(explain(file.path().string(),
                           std::to_string(fit) + " arrays of floating-point numbers with 4 axes",
                           "one of them: " + listed(file), "choose with --name"));
}

Layout layout_of(const IncomingTap& tap, const ImportRecipe& recipe) {
  const auto where = tap.file->path();
  if (!recipe.layout) {
    if (!tap.said) missing("--layout", where, "vhwc or vchw");
    return tap.said->layout;
  }
  if (tap.said && recipe.name.empty() && tap.said->layout != *recipe.layout)
    throw InputError(explain(where.string(), "--layout " + std::string(name_of(*recipe.layout)),
                             std::string(name_of(tap.said->layout)) + ", as the file says",
                             "leave the option out"));
  return *recipe.layout;
}

// Sizes of the original frames; those of --frame-size where they are unknown.
void complete_sizes(FrameTable& table, const ImportRecipe& recipe) {
  if (!recipe.frame_size) return;
  const ImageSize given = *recipe.frame_size;
  if (table.size_color.empty()) table.size_color.resize(table.id.size());
  for (std::size_t v = 0; v < table.id.size(); ++v) {
    auto& size = table.size_color[v];
    const ImageSize known{size[1], size[0]};
    if (known == ImageSize{})
      size = {given.height, given.width};
    else if (known != given)
      throw InputError(
          explain("--frame-size " + vega::to_string(given),
                  "frame " + std::to_string(table.id[v]) + " of " + vega::to_string(known),
                  "the size that --frames says", "leave the option out"));
  }
}

CellToPx computed_cells(const FrameTable& table, const TapInfo& info, const ImportRecipe& recipe,
                        ImageSize depth) {
  const View view = *recipe.view;
  const ImageSize out{static_cast<int>(info.width), static_cast<int>(info.height)};
  const std::int64_t width = info.grid_w * recipe.patch, height = info.grid_h * recipe.patch;
  if (width > info.width || height > info.height)
    throw InputError(explain("--patch " + std::to_string(recipe.patch),
                             fmt::format("{}x{} pixels under the tokens", width, height),
                             "at most those of --size " + vega::to_string(*recipe.size)));
  if (recipe.patch == 0 && (info.width % info.grid_w != 0 || info.height % info.grid_h != 0))
    log_info(
        "{}x{} tokens taken to fill the picture of {}; a backbone whose patches leave a margin: "
        "--patch N",
        info.grid_w, info.grid_h, vega::to_string(*recipe.size));
  if (view == View::kCenterCrop && depth == ImageSize{})
    log_info(
        "--view center_crop: depth frames taken to be of the colour frames' shape; "
        "--depth-size WxH says otherwise");
  CellToPx cells;
  for (std::size_t v = 0; v < table.id.size(); ++v) {
    const ImageSize frame = table.size_color.empty()
                                ? ImageSize{}
                                : ImageSize{table.size_color[v][1], table.size_color[v][0]};
    if (frame == ImageSize{})
      throw InputError(explain("--view " + std::string(name_of(view)),
                               "frame " + std::to_string(table.id[v]) + " of unknown size",
                               "the pixels of the original frame",
                               "pass --frame-size WxH, or --frames with a vega file"));
    const Affine whole = cell_to_px(view, frame, out, depth, static_cast<int>(info.grid_w),
                                    static_cast<int>(info.grid_h));
    // With --patch the grid is over the first width x height pixels of the picture.
    cells.push_back(recipe.patch > 0
                        ? rescale_cells(whole, {height, width}, {info.height, info.width})
                        : whole);
  }
  return cells;
}

// view, size and cell_to_px of a tap; its grid and the frames must be known.
void add_geometry(IncomingTap& tap, const FrameTable& table, ImageSize depth,
                  const ImportRecipe& recipe) {
  TapInfo& info = tap.info;
  const auto& path = tap.file->path();
  if (!recipe.cell_to_px.empty()) {
    info.view.clear();
    info.width = info.height = 0;
    info.cell_to_px = read_cell_to_px(recipe.cell_to_px, table.id.size());
  } else if (recipe.view) {
    info.view = name_of(*recipe.view);
    info.width = recipe.size->width;
    info.height = recipe.size->height;
    info.cell_to_px = computed_cells(table, info, recipe, depth);
  } else if (const auto* entry = tap.said ? tap.file->find("cell_to_px") : nullptr) {
    info.cell_to_px = cell_to_px_of(*tap.file, *entry, table.id.size());
  } else {
    missing("--view", path, "--view NAME --size WxH, or --cell-to-px FILE");
  }
}

Frames frames_for(const IncomingTap& tap, const std::string& key, const ImportRecipe& recipe) {
  if (recipe.frames.empty()) {
    if (!tap.said) missing("--frames", tap.file->path(), "a list of frame ids, or a vega file");
    return frames_of(*tap.file);
  }
  const fs::path path = recipe.frames;
  return read_frames(fs::is_directory(path) ? path / (key + ".h5") : path);
}

IncomingTap open_tap(const fs::path& path, bool several, const ImportRecipe& recipe) {
  IncomingTap tap;
  tap.file = std::make_unique<Foreign>(path);
  tap.said = read_card(tap.file->card(), path.string());
  const bool own = tap.said && recipe.name.empty();
  const auto& entry = chosen(*tap.file, own ? kTokens : recipe.name);
  const DType store = recipe.store_dtype.value_or(TokenStream::natural(entry.dtype));
  tap.tokens = std::make_unique<TokenStream>(*tap.file, entry, layout_of(tap, recipe), store);
  if (entry.dtype == DType::kF64 && !recipe.store_dtype)
    log_info("{}: float64 is stored as float32", path.string());
  TapInfo& info = tap.info;
  if (own) info = tap.said->tap;
  if (!recipe.tap.empty())
    info.name = recipe.tap;
  else if (!own)
    info.name = several ? clean_key(path.stem().string()) : "imported";
  if (recipe.block >= 0) info.block = recipe.block;
  if (recipe.timestep >= 0) info.timestep_asked = static_cast<double>(recipe.timestep);
  info.store_dtype = store;
  info.grid_h = tap.tokens->grid_h();
  info.grid_w = tap.tokens->grid_w();
  info.channels = tap.tokens->channels();
  if (info.pool.empty())
    info.pool = std::to_string(info.grid_h) + "x" + std::to_string(info.grid_w);
  return tap;
}

void require_same_frames(const IncomingTap& tap, const Frames& first, const Frames& other) {
  if (first.table.id == other.table.id) return;
  throw InputError(explain(tap.file->path().string(), "other frame ids than the files before it",
                           "taps of the same frames", "import it under a --tag of its own"));
}

void require_frames(const IncomingTap& tap, const FrameTable& table) {
  const auto got = tap.tokens->frames();
  if (got == static_cast<std::int64_t>(table.id.size())) return;
  throw InputError(explain(tap.file->path().string(),
                           "tokens of " + std::to_string(got) + " frames",
                           std::to_string(table.id.size()) + ", as many as there are frame ids",
                           "check --frames, --layout and --name"));
}

}  // namespace

Incoming open_incoming(const fs::path& path, const std::string& key, const ImportRecipe& recipe) {
  Incoming scene;
  const auto files = files_of(path);
  if (files.size() > 1 && !recipe.tap.empty())
    throw UsageError(explain("--tap " + recipe.tap,
                             std::to_string(files.size()) + " files in " + path.string(), "one",
                             "the taps are named after the files"));
  std::set<std::string> names;
  for (const auto& file : files) {
    scene.taps.push_back(open_tap(file, files.size() > 1, recipe));
    if (!names.insert(scene.taps.back().info.name).second)
      throw InputError(explain(file.string(), "tap " + scene.taps.back().info.name + " again",
                               "one file a tap", "move one of them away"));
  }
  const IncomingTap& first = scene.taps.front();
  Frames frames = frames_for(first, key, recipe);
  scene.frames = std::move(frames.table);
  frames.table = {};
  frames.table.id = scene.frames.id;
  complete_sizes(scene.frames, recipe);
  const ImageSize depth = recipe.depth_size.value_or(frames.depth);
  for (auto& tap : scene.taps) {
    if (&tap != &first && recipe.frames.empty())
      require_same_frames(tap, frames, frames_for(tap, key, recipe));
    require_frames(tap, scene.frames);
    add_geometry(tap, scene.frames, depth, recipe);
  }
  scene.tag = !recipe.tag.empty() ? recipe.tag : first.said ? first.said->tag : "";
  if (scene.tag.empty()) missing("--tag", path, "a name for this backbone and recipe");
  if (first.said && first.said->key != key)
    log_info("{}: exported as scene {}, imported as {}", path.string(), first.said->key, key);
  return scene;
}

}  // namespace vega::exchange
