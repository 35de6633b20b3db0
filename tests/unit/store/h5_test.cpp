#include "store/h5.h"

#include <catch2/catch.hpp>
#include <limits>

#include "base/error.h"
#include "base/hash.h"
#include "store_samples.h"
#include "support/support.h"

using namespace vega;
using namespace vega::test;

TEST_CASE("every element type and every 16-bit pattern goes through raw") {
  const TempFolder folder;
  std::vector<std::uint16_t> bits(65536);
  for (std::size_t i = 0; i < bits.size(); ++i) bits[i] = static_cast<std::uint16_t>(i);
  const auto raw = h5::raw_bytes(bits);  // 131072 bytes divide by every element size
  const std::vector<DType> types{DType::kU8,  DType::kI8,   DType::kI16, DType::kU16,
                                 DType::kI32, DType::kU32,  DType::kI64, DType::kU64,
                                 DType::kF16, DType::kBF16, DType::kF32, DType::kF64};
  {
    h5::File file = h5::File::create(folder / "a.h5");
    for (const auto type : types) {
      const auto rows = static_cast<std::int64_t>(raw.size() / size_of(type) / 1024);
      file.write_dataset("/" + std::string(name_of(type)), type, {rows, 1024}, raw, 3);
    }
    file.close();
  }
  const h5::File file = h5::File::open(folder / "a.h5");
  REQUIRE(file.datasets().size() == types.size());
  for (const auto type : types) {
    const std::string object = "/" + std::string(name_of(type));
    CAPTURE(object);
    CHECK(file.info(object).dtype == type);
    CHECK(file.info(object).chunk == Shape{3, 1024});
    const auto got = file.read_dataset(object);
    CHECK(std::equal(got.begin(), got.end(), raw.begin(), raw.end()));
    CHECK(file.hash_dataset(object) == xxh3_hex(raw));
  }
}

TEST_CASE("a file that is open for changes is read as any other") {
  const TempFolder folder;
  const std::vector<std::int32_t> values{3, 1, 4, 1, 5};
  const auto raw = h5::raw_bytes(values);
  {
    h5::File file = h5::File::create(folder / "a.h5");
    file.write_dataset("/values", DType::kI32, {5}, raw);
    file.close();
  }
  const h5::File file = h5::File::open(folder / "a.h5", h5::File::Mode::kChange);
  const auto got = file.read_dataset("/values");
  CHECK(std::equal(got.begin(), got.end(), raw.begin(), raw.end()));
}

TEST_CASE("scalars, empty datasets, rows and groups") {
  const TempFolder folder;
  {
    h5::File file = h5::File::create(folder / "a.h5");
    const std::vector<double> one{2.5};
    file.write_dataset("/deep/er/scalar", DType::kF64, {}, h5::raw_bytes(one));
    file.write_dataset("/deep/none", DType::kI32, {0, 7}, {});
    file.create_dataset("/rows", DType::kI32, {4, 2});
    for (const int r : {2, 0, 3, 1}) {
      const std::vector<std::int32_t> row{r, 10 * r};
      file.write_rows("/rows", r, 1, h5::raw_bytes(row));
    }
    CHECK_THROWS_AS(file.write_rows("/rows", 4, 1, std::vector<std::byte>(8)), InputError);
    CHECK_THROWS_AS(file.write_rows("/rows", 0, 1, std::vector<std::byte>(7)), InputError);
    file.close();
  }
  const h5::File file = h5::File::open(folder / "a.h5");
  CHECK(file.children("/") == std::vector<std::string>{"deep", "rows"});
  CHECK(file.datasets() == std::vector<std::string>{"/deep/er/scalar", "/deep/none", "/rows"});
  CHECK(file.exists("/deep/er"));
  CHECK_FALSE(file.exists("/deep/other/scalar"));
  CHECK_FALSE(file.is_dataset("/deep"));
  CHECK(h5::values_of<double>(file.read_dataset("/deep/er/scalar")) == std::vector<double>{2.5});
  CHECK(file.info("/deep/er/scalar").shape.empty());
  CHECK(file.info("/deep/er/scalar").chunk.empty());
  CHECK(file.read_dataset("/deep/none").empty());
  CHECK(file.info("/deep/none").shape == Shape{0, 7});
  CHECK(file.read_text("/deep/none", "xxh3") == xxh3_hex(std::string_view{}));
  CHECK(h5::values_of<std::int32_t>(file.read_dataset("/rows", DType::kI32, {-1, 2})) ==
        std::vector<std::int32_t>{0, 0, 1, 10, 2, 20, 3, 30});
  const auto message = message_of<FormatError>([&] {
    file.read_dataset("/rows", DType::kF32, {4, 2});
  });
  CHECK(message.find("/rows: got i32 [4, 2], expected f32 [4, 2]") != std::string::npos);
  CHECK(message_of<FormatError>([&] { file.read_dataset("/nothing"); }).find("/nothing") !=
        std::string::npos);
}

TEST_CASE("attributes keep text, numbers and long options") {
  const TempFolder folder;
  const std::string text =
                        "K\xc3\xbc"
                        "che, \"quoted\"\nline",
                    large(200'000, 'x');
  {
    h5::File file = h5::File::create(folder / "a.h5");
    file.write_text("/", "text", text);
    file.write_text("/", "empty", "");
    file.write_text("/", "large", large);
    file.write_int("/", "int", std::numeric_limits<std::int64_t>::min());
    file.write_int("/", "int", -3);  // replaces
    file.write_number("/", "sigma", 0.29992384);
    file.close();
  }
  const h5::File file = h5::File::open(folder / "a.h5");
  CHECK(file.read_text("/", "text") == text);
  CHECK(file.read_text("/", "empty").empty());
  CHECK(file.read_text("/", "large") == large);
  CHECK(file.read_int("/", "int") == -3);
  CHECK(file.read_number("/", "sigma") == 0.29992384);
  CHECK(file.attribute_as_text("/", "sigma") == "0.29992384");
  CHECK(file.attributes("/") == std::vector<std::string>{"empty", "int", "large", "sigma", "text"});
  CHECK_FALSE(file.has_attribute("/", "other"));
  CHECK_THROWS_AS(file.read_text("/", "int"), FormatError);
  CHECK_THROWS_AS(file.read_int("/", "sigma"), FormatError);
  CHECK_THROWS_AS(file.read_int("/", "other"), FormatError);
}

TEST_CASE("a dataset whose chunks were never written is found") {
  const TempFolder folder;
  {
    h5::File file = h5::File::create(folder / "a.h5");
    file.create_dataset("/half", DType::kI32, {4, 100});
    file.write_rows("/half", 1, 1, std::vector<std::byte>(400));
    file.close();
  }
  const h5::File file = h5::File::open(folder / "a.h5");
  CHECK(message_of<FormatError>([&] { file.read_dataset("/half"); }).find("stored bytes") !=
        std::string::npos);
}

TEST_CASE("a file that cannot be made is an OutputError") {
  CHECK_THROWS_AS(h5::File::create("/proc/nowhere/a.h5"), OutputError);
}
