// Seeds of instance masks (.npz) and of the label table.
#include "fuzz/hostile.h"
#include "fuzz/seeds.h"

namespace vega::fuzz {
namespace {

using Arrays = std::vector<ZipRecord>;

// A .npy; `shape` as numpy prints it.
std::string npy(const std::string& type, const std::string& shape, const std::string& values) {
  std::string header =
      "{'descr': '" + type + "', 'fortran_order': False, 'shape': " + shape + ", }";
  header.append(63 - (10 + header.size()) % 64, ' ');
  header += '\n';
  return std::string("\x93NUMPY\x01\x00", 8) + little(header.size(), 2) + header + values;
}

std::string ints(std::initializer_list<std::int64_t> values, int bytes = 4) {
  std::string out;
  for (const std::int64_t value : values) out += little(static_cast<std::uint64_t>(value), bytes);
  return npy("<i" + std::to_string(bytes), "(" + std::to_string(values.size()) + ",)", out);
}

std::string ones(std::size_t count) {
  return npy("|b1", "(" + std::to_string(count) + ",)", std::string(count, '\1'));
}

std::string format(const std::string& name) { return npy("|S3", "()", name); }

// Two masks over five vertices: {0, 3} and {4}.
Arrays good(bool deflate = false) {
  Arrays out{{"indices.npy", ints({3, 0, 4})},
             {"indptr.npy", ints({0, 2, 3})},
             {"format.npy", format("csr")},
             {"shape.npy", ints({2, 5}, 8)},
             {"data.npy", ones(3)}};
  for (ZipRecord& record : out) record.deflate = deflate;
  return out;
}

// The good one with another array `name`; an empty one is left out.
std::string with(const std::string& name, const std::string& bytes) {
  Arrays out;
  for (ZipRecord& record : good()) {
    if (record.name == name + ".npy") record.data = bytes;
    if (!record.data.empty()) out.push_back(record);
  }
  return zip_of(out);
}

}  // namespace

void add_masks_seeds(const SeedFolder& seeds) {
  const auto add = [&](const char* name, const std::string& bytes) {
    seeds.add("masks", name, bytes);
  };
  add("ok-csr.npz", zip_of(good()));
  add("ok-deflated.npz", zip_of(good(true)));
  add("ok-empty-mask.npz", with("indptr", ints({0, 0, 3})));
  add("ok-unicode.npz", with("format", npy("<U3", "()", std::string("c\0\0\0s\0\0\0r\0\0\0", 12))));
  add("ok-half.npz", with("data", npy("<f2", "(3,)", std::string("\0\x3c\0\x3c\0\x40", 6))));
  add("ok-none.npz", zip_of({{"format.npy", format("csr")},
                             {"shape.npy", ints({0, 5}, 8)},
                             {"indptr.npy", ints({0})},
                             {"indices.npy", ints({})},
                             {"data.npy", ones(0)}}));
  add("ok-csc.npz", zip_of({{"format.npy", format("csc")},
                            {"shape.npy", ints({2, 5}, 8)},
                            {"indptr.npy", ints({0, 1, 1, 1, 2, 3})},
                            {"indices.npy", ints({0, 0, 1})},
                            {"data.npy", ones(3)}}));
  add("ok-coo.npz", zip_of({{"format.npy", format("coo")},
                            {"shape.npy", ints({2, 5}, 8)},
                            {"row.npy", ints({1, 0, 0})},
                            {"col.npy", ints({4, 3, 0})},
                            {"data.npy", ones(3)}}));
  add("bad-empty.npz", "");
  add("bad-no-records.npz", zip_of({}));
  add("bad-cut.npz", zip_of(good()).substr(0, 400));
  add("bad-no-end.npz", zip_of(good()).substr(0, zip_of(good()).size() - 22));
  for (const char* name : {"indices", "indptr", "format", "shape", "data"})
    add(("bad-no-" + std::string(name) + ".npz").c_str(), with(name, ""));
  add("bad-format.npz", with("format", format("bsr")));
  add("bad-format-control.npz", with("format", format("\x1b[3")));
  add("bad-format-short.npz", with("format", "\x93NUMPY"));
  add("bad-shape-negative.npz", with("shape", ints({-2, 5}, 8)));
  add("bad-shape-giant.npz", with("shape", ints({INT64_MAX, 5}, 8)));
  add("bad-shape-three.npz", with("shape", ints({2, 5, 1}, 8)));
  add("bad-vertices.npz", with("shape", ints({2, 6}, 8)));
  add("bad-instances.npz", with("shape", ints({1 << 20, 5}, 8)));
  add("bad-pointer-falls.npz", with("indptr", ints({0, 3, 2})));
  add("bad-pointer-far.npz", with("indptr", ints({0, 2, 2147483647})));
  add("bad-index.npz", with("indices", ints({3, 0, 5})));
  add("bad-index-negative.npz", with("indices", ints({3, -1, 4})));
  add("bad-index-text.npz", with("indices", npy("|S1", "(3,)", "304")));
  add("bad-data-object.npz", with("data", npy("|O", "(3,)", "\x80\x04K\1.")));
  add("bad-data-few.npz", with("data", ones(2)));
  add("bad-data-giant.npz", with("data", npy("|b1", "(9000000000000000000,)", "\1\1\1")));
  add("bad-data-shape.npz", with("data", npy("|b1", "(3, 1)", "\1\1\1")));
  add("bad-header-giant.npz", with("data", std::string("\x93NUMPY\x02\x00\xff\xff\xff\xff", 12)));
  Arrays twice = good(), bomb = good(true), lie = good();
  twice.push_back(twice.front());
  add("bad-twice.npz", zip_of(twice));
  bomb.back().data = npy("|b1", "(40000000,)", std::string(40000000, '\1'));
  add("bad-bomb.npz", zip_of(bomb));
  lie.back().claimed = 0xfffffff0;
  add("bad-claimed.npz", zip_of(lie));
}

void add_labels_seeds(const SeedFolder& seeds) {
  const auto add = [&](const char* name, const std::string& text) {
    seeds.add("labels", name, text);
  };
  const std::string header = "id\traw_category\tcategory\tcount\tnyu40id\n";
  add("ok-table.tsv", header + "1\tchair\tchair\t5\t5\n2\tcase\tcase\t1\t40\n");
  add("ok-windows.tsv", "nyu40id\traw_category\r\n5\tchair\r\n\r\n7\tchair\r\n");
  add("ok-no-end.tsv", header + "1\tt\xc3\xa9l\xc3\xa9\t\t\t0");
  add("ok-header.tsv", header);
  add("bad-empty.tsv", "");
  add("bad-header.tsv", "id\traw_category\tcategory\n");
  add("bad-commas.tsv", "raw_category,nyu40id\nchair,5\n");
  add("bad-short.tsv", header + "1\tchair\n");
  add("bad-id.tsv", header + "1\tchair\tchair\t5\tfive\n");
  add("bad-id-none.tsv", header + "1\tchair\tchair\t5\t\n");
  add("bad-id-large.tsv", header + "1\tchair\tchair\t5\t256\n");
  add("bad-id-negative.tsv", header + "1\tchair\tchair\t5\t-1\n");
  add("bad-id-giant.tsv", header + "1\tchair\tchair\t5\t" + std::string(300, '9') + "\n");
  add("bad-control.tsv", header + "1\tchair\tchair\t5\t\x1b[31m\n");
  add("bad-long.tsv", header + "1\tchair\tchair\t5\t" + std::string(20000, 'x') + "\n");
}

}  // namespace vega::fuzz
