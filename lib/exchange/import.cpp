#include "exchange/import.h"

#include <filesystem>
#include <memory>
#include <optional>

#include "base/build_info.h"
#include "base/error.h"
#include "base/json.h"
#include "base/stop.h"
#include "exchange/incoming.h"
#include "run/items.h"
#include "run/provenance.h"
#include "store/cache_key.h"
#include "store/decide.h"
#include "store/h5.h"

namespace vega::exchange {
namespace fs = std::filesystem;
namespace {

constexpr auto kImportHelp =
    R"(Features of any backbone, for every later stage: one HDF5 file a scene, as 'features' writes it. The array has
four axes and floating-point values; .pt files are read without executing anything. What 'export' wrote as pt or
safetensors needs no option at all.

Examples:
  vega-extract import dino/kitchen.npy --layout vhwc --frames ids.txt --frame-size 640x480 \
      --view stretch --size 518x518 --tag dinov2-518 -o features
  vega-extract import vggt/*.pt --name patch_tokens --layout vchw --frames features/rgb-832x480-mllm-14x14 \
      --cell-to-px cells.txt --tag vggt -o features
  vega-extract import export/scene0000_00.safetensors -o elsewhere

See also: export, inspect, verify, preview; docs/formats.md)";

std::string_view text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

template <typename T>
void add_table(InputFingerprint& print, std::string_view name, const std::vector<T>& rows) {
  print.add_text(name, text_of(h5::raw_bytes(rows)));
}

// What the tokens mean; the tokens themselves are in the fingerprint.
std::string options_json(const Incoming& scene) {
  Json taps = Json::object();
  for (const auto& tap : scene.taps) {
    const TapInfo& info = tap.info;
    Json entry{{"store_dtype", vega::name_of(info.store_dtype)},
               {"grid", std::to_string(info.grid_h) + "x" + std::to_string(info.grid_w)},
               {"channels", info.channels},
               {"block", info.block},
               {"timestep", info.timestep_asked},
               {"view", info.view},
               {"size", std::to_string(info.width) + "x" + std::to_string(info.height)}};
    if (tap.said) {
      Json exported{{"cache_key", tap.said->cache_key}};
      const auto options = parse_json(tap.said->options_json);
      if (options && options->is_object()) exported.set("options", *options);
      entry.set("exported", std::move(exported));
    }
    taps.set(info.name, std::move(entry));
  }
  return Json{{"backbone", "import"}, {"taps", std::move(taps)}}.sorted().dump();
}

class ImportWork final : public ItemWork {
 public:
  ImportWork(Item item, const ImportRecipe& recipe) : item_(std::move(item)), recipe_(recipe) {}

  // Reads every token once: for the key, and so that nothing is written that is not finite.
  void prepare() override {
    scene_ = open_incoming(item_.path, item_.key, recipe_);
    output_ = recipe_.out / scene_.tag / (item_.key + ".h5");
    header_.key = item_.key;
    header_.options_json = options_json(scene_);
    header_.input_fp = fingerprint();
    header_.cache_key = cache_key(kFeaturesSchema, header_.options_json, "", header_.input_fp);
    header_.default_tap = scene_.taps.front().info.name;
    std::vector<TapInfo> taps;
    for (auto& tap : scene_.taps) {
      // Several taps may come without block and timestep: their names tell them apart.
      tap.info.cache_key = tap_key(Hasher().field(header_.cache_key).field(tap.info.name).hex(),
                                   tap.info.block, tap.info.timestep_asked);
      taps.push_back(tap.info);
    }
    frames_ = scene_.frames.id.size();
    const auto plan = decide(output_, header_, taps, recipe_.overwrite);
    complete_ = plan.decision == Decision::kSkip;
    if (complete_) scene_ = {};
  }

  bool complete() const override { return complete_; }

  void compute() override {
    std::vector<TapInfo> taps;
    for (const auto& tap : scene_.taps) taps.push_back(tap.info);
    header_.provenance = provenance({{"input", fs::absolute(item_.path).string()}});
    writer_.emplace(output_, header_, scene_.frames, taps);
    for (std::size_t t = 0; t < scene_.taps.size(); ++t) {
      TokenStream& tokens = *scene_.taps[t].tokens;
      tokens.rewind();
      for (std::size_t v = 0; v < frames_; ++v) {
        check_stop();
        writer_->put(t, v, tokens.next());
      }
    }
    scene_ = {};
  }

  void finish() override {
    writer_->finish({{"ended", utc_now()}});
    writer_.reset();
  }

  std::string output() const override { return output_.string(); }

  void describe(ItemReport& report) const override {
    report.outcome = complete_ ? Outcome::kComplete : Outcome::kWritten;
    report.numbers = {{"frames", static_cast<double>(frames_)}};
  }

 private:
  // Of what is stored: equal for every container, layout and wider type of equal tokens.
  std::string fingerprint() {
    const FrameTable& table = scene_.frames;
    InputFingerprint print;
    add_table(print, "time_s", table.time_s);
    add_table(print, "K_color", table.K_color);
    add_table(print, "size_color", table.size_color);
    for (auto& tap : scene_.taps) {
      print.add_text("tap", tap.info.name);
      add_table(print, "cell_to_px", tap.info.cell_to_px);
      for (std::size_t v = 0; v < table.id.size(); ++v) {
        check_stop();
        const auto* pose = table.world_from_cam.empty() ? nullptr : &table.world_from_cam[v];
        print.add_frame(table.id[v], tap.tokens->next(), pose);
      }
    }
    return print.hex();
  }

  Item item_;
  const ImportRecipe& recipe_;
  Incoming scene_;
  FeatureHeader header_;
  fs::path output_;
  std::size_t frames_ = 0;
  bool complete_ = false;
  std::optional<FeatureWriter> writer_;
};

}  // namespace

RunResult run_import(const ImportOptions& options, const Context& context) {
  const ImportRecipe recipe = resolve(options);
  const ItemList list = gather_items(options.items);
  return run_items({list, options.run}, context,
                   [&](const Item& item) { return std::make_unique<ImportWork>(item, recipe); });
}

Verb import_verb() {
  return make_verb("import", "take features of other programs over", kImportHelp, run_import);
}

}  // namespace vega::exchange
