#include "exchange/export.h"

#include <filesystem>
#include <memory>
#include <optional>

#include "base/error.h"
#include "base/log.h"
#include "base/stop.h"
#include "exchange/outgoing.h"
#include "exchange/release.h"
#include "run/items.h"
#include "store/features.h"
#include "store/h5.h"

namespace vega::exchange {
namespace fs = std::filesystem;
namespace {

constexpr auto kExportHelp =
    R"(Features for other programs. pt: torch.load(weights_only=True) gives a dict: tokens, cell_to_px, frame_id,
time_s, world_from_cam, K_color, size_color, thumbnails, and metadata (JSON as bytes). safetensors: the same
tensors, metadata in the header. npy: the tokens alone. A file that is there and equal is left as it is; another
one is refused. --as writes what VEGA-3D's offline mode loads: DIR/data/scannet/ROOT/KEY/FILE.pt.

Examples:
  vega-extract export features/wan-832x480-mllm-14x14/scene0000_00.h5 --format safetensors -o export
  vega-extract export features/wan-832x480-mllm-14x14/*.h5 --as wan2.1-vace-1.3B-middle20-timestep300 -o VEGA-3D

See also: import, inspect; docs/formats.md)";

// The tap that is asked for; without a name, where an id of the release names block and timestep,
// the one taken there.
std::size_t chosen_tap(const FeatureReader& reader, const ExportRecipe& recipe) {
  if (recipe.tap.empty() && recipe.release && recipe.release->block >= 0) {
    for (std::size_t t = 0; t < reader.taps().size(); ++t) {
      const TapInfo& tap = reader.taps()[t];
      if (tap.block == recipe.release->block &&
          tap.timestep_asked == static_cast<double>(recipe.release->timestep))
        return t;
    }
  }
  return reader.tap_index(recipe.tap);
}

// Warns of what the release handles badly; throws InputError where it could not use the tap.
void check_release(const FeatureReader& reader, const TapInfo& tap, const ReleaseModel& model,
                   bool allow_mismatch) {
  const std::string where = reader.path().string() + ": tap " + tap.name;
  if (tap.grid_h != kReleaseGrid || tap.grid_w != kReleaseGrid)
    throw InputError(explain(
        where,
        "a grid of " + std::to_string(tap.grid_h) + "x" + std::to_string(tap.grid_w) + " cells",
        "14x14, the only one the release takes", "extract again with --pool 14x14"));
  const bool other =
      model.block >= 0 &&
      (tap.block != model.block || tap.timestep_asked != static_cast<double>(model.timestep));
  if (other) {
    const auto show = [](auto block, auto timestep) {
      return "block " + std::to_string(block) + ", timestep " +
             std::to_string(static_cast<std::int64_t>(timestep));
    };
    const std::string got = show(tap.block, tap.timestep_asked);
    const std::string expected = show(model.block, model.timestep) + " as " + model.id + " says";
    if (!allow_mismatch)
      throw InputError(explain(where, got, expected,
                               "choose the id or --tap that fits, or pass --allow-mismatch"));
    log_warn("{}: {}, not {}; written all the same", where, got, expected);
  }
  if (model.channels > 0 && model.channels != tap.channels)
    log_warn(
        "{}: {} channels, the release's scripts expect {} of {}; train it with "
        "--generative_feat_dim {}",
        where, tap.channels, model.channels, model.id, tap.channels);
}

std::vector<std::byte> widened(const std::vector<float>& values) {
  const auto bytes = h5::raw_bytes(values);
  return {bytes.begin(), bytes.end()};
}

// Tokens of one tap, frame by frame, in the layout and type of the file. `reader` must outlive it.
TorchEntry token_entry(const FeatureReader& reader, std::size_t index, Layout layout, DType dtype,
                       int times) {
  const TapInfo tap = reader.taps()[index];
  const std::size_t frames = reader.frame_count();
  TorchEntry entry;
  entry.spec = {"tokens", dtype,
                shape_of(layout, static_cast<std::int64_t>(frames) * times, tap.grid_h, tap.grid_w,
                         tap.channels)};
  entry.fill = [&reader, index, layout, dtype, times, tap, frames](const ByteSink& sink) {
    const auto cells = static_cast<std::size_t>(tap.grid_h * tap.grid_w);
    const auto channels = static_cast<std::size_t>(tap.channels);
    std::vector<std::byte> turned;
    for (std::size_t row = 0; row < frames * static_cast<std::size_t>(times); ++row) {
      check_stop();
      std::vector<std::byte> raw;
      if (dtype == tap.store_dtype)
        raw = reader.read_tokens(index, row % frames, 1);
      else
        raw = widened(reader.read_f32(index, row % frames, 1));
      if (layout == Layout::kVchw) {
        turned.resize(raw.size());
        transpose(raw, cells, channels, size_of(dtype), turned);
        raw.swap(turned);
      }
      sink(raw);
    }
  };
  return entry;
}

// A tensor whose values are in memory.
template <typename T>
TorchEntry small_entry(std::string name, DType dtype, Shape shape, std::vector<T> values) {
  return {{std::move(name), dtype, std::move(shape)},
          [values = std::move(values)](const ByteSink& sink) { sink(h5::raw_bytes(values)); }};
}

// Frames and geometry, under the names of docs/formats.md.
void add_frames(const FeatureReader& reader, const TapInfo& tap, std::vector<TorchEntry>& out) {
  FrameTable table = reader.frames();
  const std::size_t v = reader.frame_count();
  out.push_back(small_entry("cell_to_px", DType::kF64, rows_of(v, {2, 3}), tap.cell_to_px));
  FrameTable::columns(
      table, [&](const std::string& name, DType dtype, const Shape& row, auto& rows) {
        out.push_back(small_entry(name == "id" ? "frame_id" : name, dtype, rows_of(v, row), rows));
      });
  const auto thumbs = reader.thumbs();
  if (thumbs.empty()) return;
  std::vector<std::byte> flat;
  std::vector<std::int64_t> offset{0};
  for (const auto& jpeg : thumbs) {
    flat.insert(flat.end(), jpeg.begin(), jpeg.end());
    offset.push_back(static_cast<std::int64_t>(flat.size()));
  }
  const Shape bytes = rows_of(flat.size(), {});
  out.push_back(small_entry("thumb_jpeg", DType::kU8, bytes, std::move(flat)));
  out.push_back(
      small_entry("thumb_jpeg_offset", DType::kI64, rows_of(v + 1, {}), std::move(offset)));
}

class ExportWork final : public ItemWork {
 public:
  ExportWork(Item item, const ExportRecipe& recipe) : item_(std::move(item)), recipe_(recipe) {}

  void prepare() override {
    reader_.emplace(item_.path);
    if (recipe_.all_taps) {
      for (std::size_t t = 0; t < reader_->taps().size(); ++t) add(t);
      output_ = recipe_.out / item_.key;
    } else {
      add(chosen_tap(*reader_, recipe_));
      output_ = files_.back().path;
    }
    std::erase_if(files_, [&](const Outgoing& file) { return is_there(file); });
  }

  bool complete() const override { return files_.empty(); }

  void compute() override {
    for (const Outgoing& file : files_) write(file);
    files_written_ = files_.size();
    files_.clear();
    reader_.reset();
  }

  std::string output() const override { return output_.string(); }

  void describe(ItemReport& report) const override {
    report.outcome = files_written_ > 0 ? Outcome::kWritten : Outcome::kComplete;
    report.numbers = {{"frames", static_cast<double>(frames_)},
                      {"files", static_cast<double>(files_written_)}};
  }

 private:
  void add(std::size_t index) {
    const TapInfo& tap = reader_->taps()[index];
    frames_ = reader_->frame_count();
    Outgoing file;
    file.format = recipe_.format;
    const bool numpy = file.format == Format::kNpy;
    const bool widen = numpy && tap.store_dtype == DType::kBF16;
    if (widen)
      log_info("{}: tap {}: numpy knows no bfloat16, written as float32 (exact)", item_.key,
               tap.name);
    if (numpy)
      log_info(
          "{}: .npy holds the tokens alone; frame ids, cell_to_px and attributes stay behind "
          "(pt and safetensors carry them)",
          item_.key);
    file.path = path_of(tap.name);
    file.plain = recipe_.release.has_value();
    int times = 1;
    if (recipe_.release) {
      check_release(*reader_, tap, *recipe_.release, recipe_.allow_mismatch);
      times = recipe_.release->halves ? 2 : 1;
      say_release(tap);
    }
    file.entries.push_back(
        token_entry(*reader_, index, recipe_.layout, widen ? DType::kF32 : tap.store_dtype, times));
    if (!file.plain && !numpy) {
      add_frames(*reader_, tap, file.entries);
      file.card = make_card(*reader_, tap, recipe_.layout);
    }
    files_.push_back(std::move(file));
  }

  fs::path path_of(const std::string& tap) const {
    const fs::path& out = recipe_.out;
    if (recipe_.release) return out / recipe_.release->path(item_.key);
    const std::string ending = "." + std::string(name_of(recipe_.format));
    return recipe_.all_taps ? out / item_.key / (tap + ending) : out / (item_.key + ending);
  }

  void say_release(const TapInfo& tap) const {
    log_info(
        "{}: tap {} travels under the id {}: one tensor [{}, {}, 14, 14]; the release must "
        "sample the same {} frames, it does not compare them",
        item_.key, tap.name, recipe_.release->id,
        reader_->frame_count() * (recipe_.release->halves ? 2U : 1U), tap.channels,
        reader_->frame_count());
    if (recipe_.release->block >= 0)
      log_info(
          "{}: the release has roots for Wan-VACE ids only, so Wan-T2V features travel under one",
          item_.key);
    if (recipe_.release->halves)
      log_info(
          "{}: {} files hold 2V rows of which the release takes the second half; the tokens "
          "are written twice",
          item_.key, recipe_.release->id);
  }

  // Whether an equal file is there already. Throws RefusedError where another one is.
  bool is_there(const Outgoing& file) const {
    std::error_code ignored;
    if (recipe_.overwrite || !fs::exists(file.path, ignored)) return false;
    constexpr auto kRemedy = "pass --overwrite to replace it, or choose another -o";
    std::vector<std::string> lines;
    try {
      lines = differences(file);
    } catch (const FormatError& error) {
      throw FormatError(std::string(error.what()) + "; " + kRemedy);
    }
    if (lines.empty()) return true;
    std::string text = file.path.string() + ": another file is there; nothing was changed";
    for (const auto& line : lines) text += "\n  " + line;
    throw RefusedError(text + "\n  " + kRemedy);
  }

  Item item_;
  const ExportRecipe& recipe_;
  std::optional<FeatureReader> reader_;
  std::vector<Outgoing> files_;  // still to be written
  fs::path output_;
  std::size_t frames_ = 0, files_written_ = 0;
};

}  // namespace

RunResult run_export(const ExportOptions& options, const Context& context) {
  const ExportRecipe recipe = resolve(options);
  const ItemList list = gather_items(options.items);
  return run_items({list, options.run}, context,
                   [&](const Item& item) { return std::make_unique<ExportWork>(item, recipe); });
}

Verb export_verb() {
  return make_verb("export", "write features for other programs: pt, safetensors, npy", kExportHelp,
                   run_export);
}

}  // namespace vega::exchange
