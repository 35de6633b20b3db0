// Which files a run began with, and what became of them.
#include "train/data_record.h"

#include <catch2/catch.hpp>
#include <chrono>
#include <filesystem>

#include "base/error.h"
#include "store/h5.h"
#include "support/feature_samples.h"
#include "support/support.h"

using namespace vega;
using namespace vega::train;
using Catch::Matchers::Contains;
namespace fs = std::filesystem;

namespace {

struct Files {
  test::TempFolder folder;
  std::vector<DataFile> all;

  Files() {
    fs::create_directories(run());
    test::write_text(folder / "a.json", "[]");
    test::Stream stream = test::semantic_stream();
    test::write_features(feature(), stream);
    all = {data_file("annotations", "1", folder / "a.json", "one"),
           data_file("semantic", "room", feature(), "two")};
  }
  fs::path run() const { return folder / "run"; }
  fs::path feature() const { return folder / "room.h5"; }
  std::string record() const { return test::read_text(run() / kDataFile); }
};

}  // namespace

TEST_CASE("files of a run: what differs is named") {
  Files files;
  CHECK(changed_data(files.run(), files.all).empty());  // a run of an earlier program
  record_data(files.run(), files.all);
  CHECK(changed_data(files.run(), files.all).empty());
  auto other = files.all;
  other[0].key = "another";
  other[1].name = "hall";
  const auto lines = changed_data(files.run(), other);
  REQUIRE(lines.size() == 3);
  CHECK_THAT(lines[0], Contains("a.json: other questions or answers"));
  CHECK_THAT(lines[1], Contains("room.h5: was not among them"));
  CHECK_THAT(lines[2], Contains("room.h5: is not among them any more"));
  other = files.all;
  other[1].key = "other";
  CHECK_THAT(changed_data(files.run(), other).at(0), Contains("made with other options or inputs"));
  // Media have no cache key but a digest of their sizes.
  std::vector<DataFile> media{{"video", "hall.mp4", "media/hall.mp4", "sizes", 9, 0},
                              {"pictures", "walk", "media/walk/0.jpg", "sizes", 9, 0}};
  const fs::path seeing = files.folder / "seeing";
  fs::create_directories(seeing);
  record_data(seeing, media);
  for (DataFile& file : media) file.key = "others";
  CHECK_THAT(changed_data(seeing, media).at(0), Contains("media/hall.mp4: another size"));
  CHECK_THAT(changed_data(seeing, media).at(1), Contains("walk: more or fewer pictures"));
  for (int i = 0; i < 9; ++i)
    other.push_back({"scene", std::to_string(i), "s" + std::to_string(i), "k", 1, 1});
  const auto many = changed_data(files.run(), other);
  REQUIRE(many.size() == 6);
  CHECK(many.back() == "and 5 files more");
}

TEST_CASE("files of a run: one that was written again with its values is taken") {
  Files files;
  record_data(files.run(), files.all);
  const std::string before = files.record();
  record_data(files.run(), files.all);
  CHECK(files.record() == before);
  fs::last_write_time(files.feature(), fs::file_time_type::clock::now() + std::chrono::hours(1));
  files.all[1] = data_file("semantic", "room", files.feature(), "two");
  record_data(files.run(), files.all);
  CHECK(files.record() != before);  // looked at once, and known from then on
}

TEST_CASE("files of a run: values that were changed where they are end it") {
  Files files;
  record_data(files.run(), files.all);
  const std::string before = files.record();
  {
    // As an editor of HDF5 files does: the checksum of the chunk follows, that of the dataset not.
    h5::File file = h5::File::open(files.feature(), h5::File::Mode::kChange);
    const std::string tokens = file.children("/taps").at(0);
    const std::string object = "/taps/" + tokens + "/tokens";
    std::vector<std::byte> row(file.info(object).row_bytes());
    file.read_rows(object, 0, 1, row);
    row[0] ^= std::byte{1};
    file.write_rows(object, 0, 1, row);
  }
  fs::last_write_time(files.feature(), fs::file_time_type::clock::now() + std::chrono::hours(1));
  files.all[1] = data_file("semantic", "room", files.feature(), "two");
  CHECK_THROWS_WITH(record_data(files.run(), files.all),
                    Contains("room.h5") && Contains("changed after the file was made"));
  CHECK(files.record() == before);
}
