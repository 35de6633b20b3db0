// Files that other programs made: text of variable length, links, other types.
#include <hdf5.h>

#include <algorithm>
#include <catch2/catch.hpp>

#include "base/error.h"
#include "store/cache_key.h"
#include "store/inspect.h"
#include "store/prompt.h"
#include "store_samples.h"
#include "support/support.h"

using namespace vega;
using namespace vega::test;

// HDF5 itself loses memory when it meets a damaged file or a full disk; ours is still checked.
extern "C" const char* __lsan_default_suppressions() { return "leak:libhdf5\n"; }

namespace {

// As h5py writes `attrs["text"] = "..."`.
void write_variable_text(hid_t file, const char* name, const char* text) {
  const hid_t type = H5Tcopy(H5T_C_S1), space = H5Screate(H5S_SCALAR);
  H5Tset_size(type, H5T_VARIABLE);
  H5Tset_cset(type, H5T_CSET_UTF8);
  const hid_t attribute = H5Acreate2(file, name, type, space, H5P_DEFAULT, H5P_DEFAULT);
  H5Awrite(attribute, type, &text);
  H5Aclose(attribute);
  H5Sclose(space);
  H5Tclose(type);
}

void write_big_endian(hid_t file, const char* name) {
  const hsize_t size = 2;
  const hid_t space = H5Screate_simple(1, &size, nullptr);
  H5Dclose(H5Dcreate2(file, name, H5T_IEEE_F32BE, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
  H5Sclose(space);
}

template <typename Write>
void make(const std::filesystem::path& path, Write write) {
  const hid_t file = H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
  write(file);
  H5Fclose(file);
}

}  // namespace

TEST_CASE("text of variable length is read, in the old file format too") {
  const TempFolder folder;
  make(folder / "a.h5", [](hid_t file) {
    write_variable_text(file, "text",
                        "K\xc3\xbc"
                        "che");
  });
  const h5::File file = h5::File::open(folder / "a.h5");
  CHECK(file.read_text("/", "text") ==
        "K\xc3\xbc"
        "che");
  CHECK(inspect(folder / "a.h5").find("INCOMPLETE") != std::string::npos);
  CHECK(message_of<FormatError>([&] {
          read_prompt(folder / "a.h5");
        }).find("an HDF5 file without a schema") != std::string::npos);
}

TEST_CASE("options nested without end cost no stack") {
  const TempFolder folder;
  const std::string deep = "{\"a\":" + std::string(200'000, '[') + std::string(200'000, ']') + "}";
  CHECK_THROWS_WITH(canonical_json(deep), Catch::Contains("at most 32 levels"));
  make(folder / "deep.h5", [&](hid_t file) {
    for (const char* name : {"schema", "key", "cache_key", "default_tap", "options"})
      write_variable_text(file, name, name == std::string("options") ? deep.c_str() : "x");
  });
  std::string shown;
  CHECK_NOTHROW(shown = inspect_json(folder / "deep.h5"));
  CHECK_THAT(shown, Catch::Contains("\"options\""));
}

TEST_CASE("links to other places and types that vega does not write are refused, and shown") {
  const TempFolder folder;
  make(folder / "be.h5", [](hid_t file) { write_big_endian(file, "x"); });
  const h5::File big = h5::File::open(folder / "be.h5");
  CHECK(message_of<FormatError>([&] {
          big.read_dataset("/x");
        }).find("an element type that vega does not write") != std::string::npos);
  CHECK(inspect(folder / "be.h5").find("DAMAGED") != std::string::npos);

  make(folder / "loop.h5",
       [](hid_t file) { H5Lcreate_hard(file, "/", file, "again", H5P_DEFAULT, H5P_DEFAULT); });
  CHECK(message_of<FormatError>([&] {
          h5::File::open(folder / "loop.h5").datasets();
        }).find("nested too deep") != std::string::npos);
  CHECK_THROWS_AS(inspect(folder / "loop.h5"), FormatError);
}

namespace {

// A dataset of two floats whose values the creation list puts somewhere.
void write_elsewhere(hid_t file, const char* name, hid_t list) {
  const hsize_t size = 2;
  const hid_t space = H5Screate_simple(1, &size, nullptr);
  H5Dclose(H5Dcreate2(file, name, H5T_IEEE_F32LE, space, H5P_DEFAULT, list, H5P_DEFAULT));
  H5Sclose(space);
  H5Pclose(list);
}

// Every way to a value, an attribute or the shape.
void check_refused(const std::filesystem::path& path, const std::string& object,
                   const std::string& why) {
  INFO(path);
  const h5::File file = h5::File::open(path);
  std::vector<std::byte> raw(8);
  CHECK_THROWS_WITH(file.info(object), Catch::Contains(why));
  CHECK_THROWS_WITH(file.read_rows(object, 0, 2, raw), Catch::Contains(why));
  CHECK_THROWS_WITH(file.read_dataset(object), Catch::Contains(why));
  CHECK_THROWS_AS(file.check_dataset(object), FormatError);
  const auto faults = verify(path);
  CHECK(std::any_of(faults.begin(), faults.end(), [&](const Fault& fault) {
    return (fault.where + fault.what).find(why) != std::string::npos;
  }));
}

}  // namespace

TEST_CASE("a file that points outside itself is refused by every reader") {
  const TempFolder folder;
  make(folder / "target.h5",
       [](hid_t file) { write_elsewhere(file, "x", H5Pcreate(H5P_DATASET_CREATE)); });
  const std::string target = folder / "target.h5";
  make(folder / "external.h5", [&](hid_t file) {
    H5Lcreate_external(target.c_str(), "/x", file, "x", H5P_DEFAULT, H5P_DEFAULT);
    H5Lcreate_external(target.c_str(), "/", file, "group", H5P_DEFAULT, H5P_DEFAULT);
  });
  check_refused(folder / "external.h5", "/x", "a link");
  check_refused(folder / "external.h5", "/group/x", "a link");
  const h5::File external = h5::File::open(folder / "external.h5");
  CHECK_THROWS_WITH(external.exists("/group/x"), Catch::Contains("/group: got a link"));
  CHECK_THROWS_WITH(external.has_attribute("/x", "xxh3"), Catch::Contains("a link"));
  CHECK_THROWS_WITH(external.read_text("/group", "text"), Catch::Contains("a link"));
  CHECK_THROWS_WITH(external.children("/group"), Catch::Contains("a link"));
  h5::File copy = h5::File::create(folder / "copy.h5");
  CHECK_THROWS_WITH(copy.copy_from(external, "/group/x"), Catch::Contains("a link"));
  CHECK_THROWS_WITH(inspect(folder / "external.h5"), Catch::Contains("a link"));

  make(folder / "soft.h5", [](hid_t file) {
    write_elsewhere(file, "y", H5Pcreate(H5P_DATASET_CREATE));
    H5Lcreate_soft("/y", file, "x", H5P_DEFAULT, H5P_DEFAULT);
  });
  check_refused(folder / "soft.h5", "/x", "a link");

  write_text(folder / "raw", "12345678");
  make(folder / "storage.h5", [&](hid_t file) {
    const hid_t list = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_external(list, (folder / "raw").c_str(), 0, 8);
    write_elsewhere(file, "x", list);
  });
  check_refused(folder / "storage.h5", "/x", "values that lie in another file");
  CHECK_THAT(inspect(folder / "storage.h5"), Catch::Contains("values that lie in another file"));

  make(folder / "virtual.h5", [&](hid_t file) {
    const hsize_t size = 2;
    const hid_t space = H5Screate_simple(1, &size, nullptr);
    const hid_t list = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_virtual(list, space, target.c_str(), "/x", space);
    H5Sclose(space);
    write_elsewhere(file, "x", list);
  });
  check_refused(folder / "virtual.h5", "/x", "values that lie in another file");
}
