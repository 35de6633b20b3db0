#include <catch2/catch.hpp>
#include <cstring>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "store/inspect.h"
#include "store/noise.h"
#include "store/prompt.h"
#include "store_samples.h"
#include "support/support.h"

using namespace vega;
using namespace vega::test;

namespace {

// Where the raw bytes of a row lie in the file; npos where they do not, or more than once.
std::size_t find_once(const std::vector<std::byte>& file, const std::vector<std::byte>& row) {
  const auto first = std::search(file.begin(), file.end(), row.begin(), row.end());
  if (first == file.end()) return std::string::npos;
  const auto second = std::search(first + 1, file.end(), row.begin(), row.end());
  return second == file.end() ? static_cast<std::size_t>(first - file.begin()) : std::string::npos;
}

std::string text_of(const std::vector<Fault>& faults) {
  std::string text;
  for (const auto& fault : faults) text += fault.where + " | " + fault.what + "\n";
  return text;
}

nlohmann::json all_but_path(const std::filesystem::path& path) {
  auto json = nlohmann::json::parse(inspect_json(path));
  json.erase("path");
  return json;
}

Prompt sample_prompt() {
  Prompt prompt;
  prompt.header = sample_header();
  prompt.header.default_tap.clear();
  prompt.text = "";
  prompt.rows = 3;
  prompt.width = 8;
  for (int i = 0; i < 24; ++i) prompt.context.push_back(bf16_from_f32(0.25F * i - 2));
  return prompt;
}

StoredNoise sample_noise() {
  StoredNoise noise;
  noise.header = sample_header();
  noise.id = {3, 9};
  noise.channels = 16;
  noise.height = 2;
  noise.width = 3;
  for (int i = 0; i < 2 * 16 * 2 * 3; ++i) noise.eps.push_back(0.125F * static_cast<float>(i));
  return noise;
}

}  // namespace

TEST_CASE("sound files have no fault") {
  const TempFolder folder;
  write_sample(folder / "a.h5",
               {sample_tap("b20_t300", DType::kBF16), sample_tap("rgb", DType::kF16)});
  write_prompt(folder / "p.h5", sample_prompt());
  write_noise(folder / "n.h5", sample_noise());
  CHECK(text_of(verify(folder / "a.h5")).empty());
  CHECK(text_of(verify(folder / "p.h5")).empty());
  CHECK(text_of(verify(folder / "n.h5")).empty());
}

TEST_CASE("prompt and noise files round-trip") {
  const TempFolder folder;
  Prompt prompt = sample_prompt();
  prompt.text = "a room";
  write_prompt(folder / "p.h5", prompt);
  const Prompt got = read_prompt(folder / "p.h5");
  CHECK(got.context == prompt.context);
  CHECK(got.rows == 3);
  CHECK(got.width == 8);
  CHECK(got.text == "a room");
  CHECK(got.header.cache_key == prompt.header.cache_key);
  const StoredNoise noise = sample_noise();
  write_noise(folder / "n.h5", noise);
  const StoredNoise back = read_noise(folder / "n.h5");
  CHECK(back.eps == noise.eps);
  CHECK(back.id == noise.id);
  CHECK(back.frame(9)[0] == noise.eps[96]);
  CHECK_THROWS_AS(back.frame(4), InputError);
  CHECK_THROWS_AS(read_noise(folder / "p.h5"), FormatError);
  CHECK_THROWS_AS(read_prompt(folder / "n.h5"), FormatError);
  prompt.context.pop_back();
  CHECK_THROWS_AS(write_prompt(folder / "q.h5", prompt), InputError);
}

TEST_CASE("a flipped bit is found in every dataset, and named") {
  const TempFolder folder;
  write_sample(folder / "a.h5",
               {sample_tap("b20_t300", DType::kBF16), sample_tap("rgb", DType::kF32)});
  const auto sound = read_bytes(folder / "a.h5");
  std::vector<std::pair<std::string, std::vector<std::byte>>> rows;
  {
    const h5::File file = h5::File::open(folder / "a.h5");
    for (const auto& object : file.datasets()) {
      const auto info = file.info(object);
      // The first chunk with its checksum is what tells one short row from other bytes.
      std::vector<std::byte> row(static_cast<std::size_t>(info.chunk[0]) * info.row_bytes());
      const std::int64_t last = info.row_count() - info.chunk[0];
      file.read_rows(object, last, info.chunk[0], row);
      rows.emplace_back(object, row);
    }
  }
  REQUIRE(rows.size() == 11);
  std::size_t tried = 0;
  for (const auto& [object, row] : rows) {
    CAPTURE(object);
    auto bytes = sound;
    const std::size_t at = find_once(bytes, row);
    if (at == std::string::npos) continue;  // cell_to_px of both taps is alike
    bytes[at + row.size() / 2] ^= std::byte{0x10};
    write_bytes(folder / "b.h5", bytes);
    const auto faults = verify(folder / "b.h5");
    REQUIRE(faults.size() == 1);
    CHECK(faults[0].where == object);
    CHECK(faults[0].path == folder / "b.h5");
    CHECK(faults[0].what.find("Fletcher32") != std::string::npos);
    ++tried;
  }
  CHECK(tried >= 8);
}

TEST_CASE("a wrong xxh3, a missing complete and values that are not finite are faults") {
  const TempFolder folder;
  write_sample(folder / "a.h5");
  {
    h5::File file = h5::File::open(folder / "a.h5", h5::File::Mode::kChange);
    file.write_text("/frames/id", "xxh3", std::string(32, '0'));
    file.write_int("/", "complete", 0);
    file.close();
  }
  const auto faults = verify(folder / "a.h5");
  REQUIRE(faults.size() == 2);
  CHECK(faults[0].where == "/");
  CHECK(faults[0].what.find("incomplete") != std::string::npos);
  CHECK(faults[1].where == "/frames/id");
  CHECK(faults[1].what.find("expected 00000000") != std::string::npos);

  const TapInfo tap = sample_tap("b20_t300", DType::kBF16);
  FeatureWriter writer(folder / "nan.h5", sample_header(), sample_frames(), {tap});
  for (std::size_t f = 0; f < kFrames; ++f) {
    auto values = sample_tokens(tap, f);
    values[f] = std::numeric_limits<float>::quiet_NaN();
    writer.put_f32(0, f, values);
  }
  writer.finish();
  CHECK(text_of(verify(folder / "nan.h5")) ==
        "/taps/b20_t300/tokens | 3 of 120 values are not finite\n");
}

TEST_CASE("a schema that disagrees with itself, or is unknown, is a fault") {
  const TempFolder folder;
  {
    h5::File file = h5::File::create(folder / "a.h5");
    write_header(file, kFeaturesSchema, sample_header());
    const std::vector<std::int64_t> id{1, 2};
    file.write_dataset("/frames/id", DType::kI64, {2}, h5::raw_bytes(id));
    mark_complete(file);
    file.close();
  }
  CHECK(text_of(verify(folder / "a.h5")).find("/taps") != std::string::npos);
  {
    h5::File file = h5::File::create(folder / "b.h5");
    write_header(file, "vega.other/9", sample_header());
    mark_complete(file);
    file.close();
  }
  CHECK(text_of(verify(folder / "b.h5")) ==
        "/ | schema 'vega.other/9' is not known to this version\n");
}

TEST_CASE("truncated at any length, and flipped anywhere, gives faults or a sound file, no crash") {
  const TempFolder folder;
  write_sample(folder / "a.h5");
  const auto sound = read_bytes(folder / "a.h5");
  for (std::size_t length = 0; length < sound.size(); length += 1 + sound.size() / 40) {
    CAPTURE(length);
    write_bytes(folder / "b.h5", std::span(sound).first(length));
    CHECK(verify(folder / "b.h5").size() == 1);
    CHECK_THROWS_AS(inspect(folder / "b.h5"), FormatError);
    CHECK_THROWS_AS(FeatureReader(folder / "b.h5"), FormatError);
  }
  const std::size_t step = 1 + sound.size() / 300;
  std::size_t found = 0, tried = 0;
  for (std::size_t at = 0; at < sound.size(); at += step) {
    CAPTURE(at);
    auto bytes = sound;
    bytes[at] ^= std::byte{0xff};
    write_bytes(folder / "b.h5", bytes);
    const auto faults = verify(folder / "b.h5");
    if (faults.empty()) {  // a byte that nothing refers to: the values must be the old ones
      const FeatureReader a(folder / "a.h5"), b(folder / "b.h5");
      CHECK(a.read_tokens(0, 0, kFrames) == b.read_tokens(0, 0, kFrames));
      CHECK(all_but_path(folder / "a.h5") == all_but_path(folder / "b.h5"));
    }
    found += !faults.empty();
    ++tried;
  }
  INFO(found << " of " << tried << " flips found");
  CHECK(found > 0);
}

TEST_CASE("inspect shows options, taps and numbers, as text and as JSON") {
  const TempFolder folder;
  write_sample(folder / "a.h5");
  const std::string text = inspect(folder / "a.h5");
  CHECK(text.find("vega.features/1") != std::string::npos);
  CHECK(text.find("INCOMPLETE") == std::string::npos);
  CHECK(text.find("timestep         300") != std::string::npos);
  CHECK(text.find("/taps/b20_t300/tokens") != std::string::npos);
  CHECK(text.find("[3, 2, 4, 5]") != std::string::npos);

  const auto json = nlohmann::json::parse(inspect_json(folder / "a.h5"));
  CHECK(json["schema"] == "vega.features/1");
  CHECK(json["complete"] == true);
  CHECK(json["attributes"]["options"]["noise"]["kind"] == "v1");
  CHECK(json["groups"]["/taps/b20_t300"]["timestep_used"] == 299);
  CHECK(json["groups"]["/taps/b20_t300"]["sigma"] == 0.29992384);
  CHECK(json["groups"]["/provenance"]["batch"] == "4");
  double sum = 0, squares = 0, least = 0, most = 0;
  const TapInfo tap = sample_tap("b20_t300", DType::kBF16);
  for (std::size_t f = 0; f < kFrames; ++f) {
    for (const double v : sample_tokens(tap, f)) {
      sum += v;
      squares += v * v;
      least = std::min(least, v);
      most = std::max(most, v);
    }
  }
  bool seen = false;
  for (const auto& entry : json["datasets"]) {
    if (entry["path"] != "/taps/b20_t300/tokens") continue;
    seen = true;
    CHECK(entry["dtype"] == "bf16");
    CHECK(entry["bytes"] == 240);
    CHECK(entry["min"] == least);
    CHECK(entry["max"] == most);
    CHECK(entry["mean"].get<double>() == Approx(sum / 120).epsilon(1e-12));
    CHECK(entry["std"].get<double>() ==
          Approx(std::sqrt(squares / 120 - sum * sum / 14400)).epsilon(1e-12));
    CHECK(entry["not_finite"] == 0);
  }
  CHECK(seen);
}
