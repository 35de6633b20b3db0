// What the writers make of a disk that fails, and of neighbours. tests/e2e/faults.sh tries every
// call.
#include <sys/resource.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>

#include "base/error.h"
#include "base/publish.h"
#include "base/stop.h"
#include "store/inspect.h"
#include "store_samples.h"
#include "support/support.h"

using namespace vega;
using namespace vega::test;
namespace fs = std::filesystem;

namespace {

// A limit on the size of files stands in for a full disk.
class SizeLimit {
 public:
  explicit SizeLimit(rlim_t bytes) {
    catch_stop_signals();  // no signal for it
    getrlimit(RLIMIT_FSIZE, &before_);
    rlimit now = before_;
    now.rlim_cur = bytes;
    setrlimit(RLIMIT_FSIZE, &now);
  }
  ~SizeLimit() { setrlimit(RLIMIT_FSIZE, &before_); }

 private:
  rlimit before_{};
};

}  // namespace

TEST_CASE("a write that fails is an OutputError with the disk's reason, wherever it comes out") {
  const TempFolder folder;
  const auto path = folder / "x.h5";
  write_sample(path);
  const auto before = read_bytes(path);
  const auto whole = static_cast<rlim_t>(before.size());
  for (rlim_t bytes = 0; bytes < whole; bytes += whole / 16 + 1) {
    CAPTURE(bytes, whole);
    const std::string message = message_of<OutputError>([&] {
      const SizeLimit limit(bytes);
      write_sample(path);
    });
    CHECK_THAT(message, Catch::Contains(path.string()) && Catch::Contains("File too large") &&
                            Catch::Contains("ulimit -f"));
    CHECK(read_bytes(path) == before);
    CHECK(entries(folder.path()) == 1);
  }
  // The library is none the worse for it.
  write_sample(path);
  CHECK(verify(path).empty());
}

TEST_CASE("taps that another process publishes meanwhile are kept, or go with the file") {
  const TempFolder folder;
  const auto path = folder / "x.h5", other = folder / "other.h5";
  const std::vector mine{sample_tap("b20_t300", DType::kBF16)};
  const std::vector theirs{sample_tap("b9_t300", DType::kF32),
                           sample_tap("b20_t300", DType::kBF16)};
  write_sample(other, theirs);
  const auto run = [&](OtherTaps others) {
    FeatureWriter writer(path, sample_header(), sample_frames(), mine, others);
    put_all(writer, mine);
    fs::copy_file(other, path, fs::copy_options::overwrite_existing);
    writer.finish();
    CHECK(verify(path).empty());
    return FeatureReader(path).taps().size();
  };
  CHECK(run(OtherTaps::kReplace) == 1);
  CHECK(run(OtherTaps::kKeep) == 2);
  {
    const FeatureReader kept(path), source(other);
    CHECK(kept.read_tokens(kept.tap_index("b9_t300"), 0, kFrames) ==
          source.read_tokens(source.tap_index("b9_t300"), 0, kFrames));
  }
  // Damaged, made otherwise, or no file at all: nothing to keep.
  auto bytes = read_bytes(other);
  const auto tokens = sample_tokens(theirs[0], 1);
  const auto values = h5::raw_bytes(tokens);
  const auto at = std::search(bytes.begin(), bytes.end(), values.begin(), values.end());
  REQUIRE(at != bytes.end());
  *at ^= std::byte{1};
  write_bytes(other, bytes);
  CHECK(run(OtherTaps::kKeep) == 1);
  write_sample(other, theirs, sample_header(R"({"timestep": 500})"));
  CHECK(run(OtherTaps::kKeep) == 1);
  test::write_text(other, "no HDF5");
  CHECK(run(OtherTaps::kKeep) == 1);
  CHECK(entries(folder.path()) == 2);
}
