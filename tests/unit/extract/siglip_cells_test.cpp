// Where the cells of a grid lie that covers only part of the picture.
#include <catch2/catch.hpp>

#include "extract_samples.h"

using namespace vega;

TEST_CASE("cells of the semantic grid are the patches the tower sees: 14 of 384 pixels") {
  const test::TempFolder folder;
  const test::OwnMemory memory(folder / "memory");
  synth::ModelOptions model;
  model.preset = "siglip-tiny", model.folder = folder / "siglip",
  model.progress = ProgressMode::kOff;
  synth::write_model(model);
  SceneOptions room;
  room.folder = folder / "room", room.frames = 1, room.width = 96, room.height = 64;
  write_scene(room);
  extract::FeatureOptions o;
  o.items.inputs = {room.folder.string()}, o.backbone = "siglip", o.model = model.folder.string();
  test::set(o, "--select", "stride:1"), o.output.out = (folder / "out").string(),
                                        o.output.tag = "t";
  for (const std::string pool : {"native", "14x14"}) {
    test::set(o, "--pool", pool), o.output.overwrite = true;
    const FeatureReader file = test::run_one(o);
    const TapInfo& tap = file.taps().front();
    REQUIRE(tap.grid_w == (pool == "native" ? 27 : 14));
    const auto m = tap.cell_to_px.at(0);
    const double cell = 378.0 / static_cast<double>(tap.grid_w);
    for (const double index : {0.0, 5.0, static_cast<double>(tap.grid_w - 1)}) {
      const double seen = (index + 0.5) * cell;  // pixel edges from the left of the 384
      CHECK(m[0] * index + m[1] * 3 + m[2] == Approx(seen * 96 / 384 - 0.5).margin(1e-9));
      CHECK(m[3] * 3 + m[4] * index + m[5] == Approx(seen * 64 / 384 - 0.5).margin(1e-9));
    }
  }
}
