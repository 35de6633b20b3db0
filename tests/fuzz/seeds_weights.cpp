// Seeds of checkpoints: safetensors, its index, .pth archives and pickles, config.json.
#include <zlib.h>

#include <array>
#include <map>

#include "fuzz/hostile.h"
#include "fuzz/seeds.h"
#include "unit/weights/pickles.h"
#include "weights/safetensors_writer.h"
#include "weights/torch_writer.h"

namespace vega::fuzz {
namespace {

using namespace vega::test;

const std::array<float, 4> kValues{1, 2.5, -3, 4};

std::map<std::string, TensorView> tensors() {
  const auto* first = reinterpret_cast<const std::byte*>(kValues.data());
  return {{"model.bias", {DType::kF32, {2}, first}},
          {"model.weight", {DType::kBF16, {2, 2}, first}},
          {"scalar", {DType::kI64, {}, first}}};
}

// A safetensors file of this header.
std::string safetensors_of(const std::string& header, std::size_t data_bytes) {
  return little(header.size(), 8) + header + std::string(data_bytes, '\1');
}

std::string entry(const std::string& name, const std::string& type, const std::string& shape,
                  const std::string& offsets) {
  return "\"" + name + "\":{\"dtype\":\"" + type + "\",\"shape\":" + shape +
         ",\"data_offsets\":" + offsets + "}";
}

std::string archive_of(const std::string& pickle, std::vector<ZipRecord> more = {}) {
  more.insert(more.begin(), {"archive/data.pkl", pickle});
  return zip_of(more);
}

// 2^levels leaves from a few bytes: every level holds the one below twice. `leaf` is a value.
std::string doubling(const std::string& leaf, int levels) {
  std::string out = leaf + std::string("q\0", 2);
  for (int i = 0; i < levels; ++i) {
    const std::string below(1, static_cast<char>(i)), mine(1, static_cast<char>(i + 1));
    out += "(h" + below + "h" + below + "tq" + mine;
  }
  return out;
}

std::string hostile_call(const std::string& module, const std::string& name) {
  return p_global(module, name) + "(" + p_text("echo hacked") + "tR";
}

}  // namespace

std::string zip_of(const std::vector<ZipRecord>& records) {
  std::string out, directory;
  for (const auto& record : records) {
    const std::string packed = record.deflate ? deflated(record.data, -15) : record.data;
    const std::string sum = little(
        crc32_z(0, reinterpret_cast<const Bytef*>(record.data.data()), record.data.size()), 4);
    const auto size = record.claimed == ~std::uint64_t{0} ? record.data.size() : record.claimed;
    const std::string method = little(record.deflate ? 8 : 0, 2);
    directory += "PK\1\2" + little(20, 4) + little(0, 2) + method + little(0, 4) + sum +
                 little(packed.size(), 4) + little(size, 4) + little(record.name.size(), 2) +
                 little(0, 12) + little(out.size(), 4) + record.name;
    out += "PK\3\4" + little(20, 2) + little(0, 2) + method + little(0, 4) + sum +
           little(packed.size(), 4) + little(size, 4) + little(record.name.size(), 2) +
           little(0, 2) + record.name + packed;
  }
  return out + directory + "PK\5\6" + little(0, 4) + little(records.size(), 2) +
         little(records.size(), 2) + little(directory.size(), 4) + little(out.size(), 4) +
         little(0, 2);
}

void add_safetensors_seeds(const SeedFolder& seeds) {
  const auto add = [&](const char* name, const std::string& file) {
    seeds.add("safetensors", name, file);
  };
  add("ok-three.safetensors", "");
  const auto path = seeds.root() / "safetensors" / "ok-three.safetensors";
  write_safetensors(path, tensors(), {{"format", "pt"}});
  const std::string good = text_of(path);
  add("ok-empty.safetensors", safetensors_of("{}", 0));
  add("ok-no-values.safetensors",
      safetensors_of("{" + entry("e", "U8", "[0,9223372036854775807]", "[0,0]") + "}", 0));
  const std::string one = entry("t", "F32", "[2]", "[0,8]");
  add("ok-one.safetensors", safetensors_of("{" + one + "}  ", 8));
  add("bad-empty.safetensors", "");
  add("bad-seven.safetensors", std::string(7, '\0'));
  for (const std::size_t cut : {8, 9, 60, 200}) {
    add(("bad-cut-" + std::to_string(cut) + ".safetensors").c_str(), good.substr(0, cut));
  }
  add("bad-size.safetensors", little(~std::uint64_t{0}, 8) + "{}");
  add("bad-size-off-by-one.safetensors", little(3, 8) + "{}");
  add("bad-twice.safetensors", safetensors_of("{" + one + "," + one + "}", 8));
  add("bad-overlap.safetensors",
      safetensors_of("{" + one + "," + entry("u", "F32", "[2]", "[4,12]") + "}", 12));
  add("bad-hole.safetensors",
      safetensors_of("{" + one + "," + entry("u", "F32", "[2]", "[12,20]") + "}", 20));
  add("bad-trailing.safetensors", safetensors_of("{" + one + "}", 9));
  add("bad-backwards.safetensors",
      safetensors_of("{" + entry("t", "F32", "[2]", "[8,0]") + "}", 8));
  add("bad-overflow.safetensors",
      safetensors_of("{" + entry("t", "F64", "[4294967296,4294967296]", "[0,8]") + "}", 8));
  add("bad-number.safetensors",
      safetensors_of("{" + entry("t", "F64", "[99999999999999999999999]", "[0,8]") + "}", 8));
  add("bad-float.safetensors",
      safetensors_of("{" + entry("t", "F64", "[1e999]", "[0,8]") + "}", 8));
  add("bad-negative.safetensors",
      safetensors_of("{" + entry("t", "F64", "[-1]", "[0,8]") + "}", 8));
  add("odd-type.safetensors",
      safetensors_of("{" + entry("t", "F4\\u0007", "[2]", "[0,8]") + "}", 8));
  add("bad-nan.safetensors",
      safetensors_of("{" + one + "}", 8).replace(8 + one.size() + 2, 8, std::string(8, '\xff')));
  add("bad-deep.safetensors", safetensors_of("{\"a\":" + repeat("[", 3000), 0));
  add("bad-deep-objects.safetensors", safetensors_of(repeat("{\"a\":", 1000), 0));
  add("bad-utf8.safetensors",
      safetensors_of("{" + entry("\xff\xfe", "F32", "[2]", "[0,8]") + "}", 8));
  add("bad-control-name.safetensors",
      safetensors_of("{" + entry("\\u001b[31m\\n", "F32", "[3]", "[0,8]") + "}", 8));
  add("bad-long-name.safetensors",
      safetensors_of("{" + entry(std::string(5000, 'n'), "F32", "[3]", "[0,8]") + "}", 8));
}

void add_index_seeds(const SeedFolder& seeds) {
  const auto add = [&](const char* name, const std::string& json) {
    seeds.add("index", name, json);
  };
  const std::string first = "\"model-1.safetensors\"", second = "\"model-2.safetensors\"";
  const std::string map = "\"a\":" + first + ",\"b\":" + first + ",\"c\":" + second;
  add("ok.json", "{\"metadata\":{\"total_size\":40},\"weight_map\":{" + map + "}}");
  add("bad-empty.json", "");
  add("bad-no-map.json", "{\"metadata\":{}}");
  add("bad-list.json", "[" + map.substr(4, 21) + "]");
  add("bad-cut.json", "{\"weight_map\":{" + map);
  add("bad-missing.json", "{\"weight_map\":{\"a\":" + first + "}}");
  add("bad-twice.json", "{\"weight_map\":{" + map + ",\"a\":" + second + "}}");
  add("bad-elsewhere.json", "{\"weight_map\":{" + map + ",\"d\":" + second + "}}");
  add("bad-parent.json", "{\"weight_map\":{\"a\":\"../model-1.safetensors\"}}");
  add("bad-absolute.json", "{\"weight_map\":{\"a\":\"/etc/passwd\"}}");
  add("bad-zero.json", "{\"weight_map\":{\"a\":\"model-1.safetensors\\u0000x\"}}");
  add("bad-long.json", "{\"weight_map\":{\"a\":\"" + std::string(5000, 'x') + "\"}}");
  add("bad-number.json", "{\"weight_map\":{\"a\":1e999}}");
  add("bad-deep.json", "{\"weight_map\":" + repeat("[", 5000));
  add("bad-deep-closed.json", repeat("[", 3000) + repeat("]", 3000));
  add("bad-utf8.json", "{\"weight_map\":{\"\xff\":" + first + "}}");
  add("bad-folder.json", "{\"weight_map\":{\"a\":\".\"}}");
  add("bad-control.json", "{\"weight_map\":{\"a\":\"\\u001b[31m\\n\"}}");
}

void add_pickle_seeds(const SeedFolder& seeds) {
  const auto add = [&](const char* name, const std::string& file) {
    seeds.add("pickle", name, file);
  };
  const auto floats = [](std::int64_t count) { return p_storage("FloatStorage", "0", count); };
  const std::string keys = p_file("]" + p_text("0") + "a"), none = p_file("]");
  const std::string four =
      little(4, 8) + std::string(reinterpret_cast<const char*>(kValues.data()), 16);
  const auto object = [&](const std::string& body) { return p_file(body) + keys + four; };
  const std::string tensor = p_tensor(floats(4), 0, {2, 2}, {2, 1});

  add("ok-dict.pkl", object(p_dict({{p_text("w"), tensor}, {p_text("epoch"), p_int(3)}})));
  add("ok-bare.pkl", object(tensor));
  add("ok-strided.pkl", object(p_tensor(floats(4), 0, {2, 2}, {1, 2})));
  add("ok-expanded.pkl", object(p_tensor(floats(4), 3, {4, 4, 4}, {0, 0, 0})));
  add("ok-nested.pkl", object(p_dict({{p_text("m"), "](" + tensor + "NK\1e"}})));
  add("ok-nothing.pkl", p_file("}") + none);
  add("ok-cycle.pkl", p_file(std::string("]q\0h\0a", 6) + "0}") + none);
  add("bad-empty.pkl", "");
  add("bad-cut.pkl", object(tensor).substr(0, 60));
  add("bad-no-data.pkl", object(tensor).substr(0, object(tensor).size() - 9));
  add("bad-no-keys.pkl", p_file(tensor) + none);
  add("bad-reduce-system.pkl", object(hostile_call("os", "system")));
  add("bad-reduce-eval.pkl", object(hostile_call("builtins", "eval")));
  add("bad-reduce-inner.pkl", object(hostile_call("torch._utils", "_rebuild_tensor_v2")));
  add("bad-build-state.pkl", object(p_global("torch", "FloatStorage") + "}b"));
  add("bad-stack-global.pkl", object(p_text("posix") + p_text("system") + "\x93"));
  add("bad-instance.pkl", object("(ios\nsystem\n"));
  add("bad-control-name.pkl", object(p_global("\x1b[31mos", "sys\ttem")));
  add("bad-beyond.pkl", object(p_tensor(floats(4), 1, {2, 2}, {2, 1})));
  add("bad-beyond-by-stride.pkl", object(p_tensor(floats(4), 0, {2, 2}, {3, 1})));
  add("bad-overflow.pkl",
      object(p_tensor(floats(4), 0, {3037000500, 3037000500, 16}, {INT64_MAX, INT64_MAX, 1})));
  add("bad-stride-overflow.pkl", object(p_tensor(floats(4), 0, {3, 3}, {INT64_MAX, INT64_MAX})));
  add("bad-offset.pkl", object(p_tensor(floats(4), INT64_MAX, {1}, {1})));
  add("bad-storage.pkl", object(p_tensor(floats(INT64_MAX), 0, {1}, {1})));
  add("bad-expanded-giant.pkl", object(p_tensor(floats(4), 0, {1 << 20, 1 << 20}, {0, 0})));
  add("bad-expanded-many.pkl",
      object(p_dict({{p_text("a"), p_tensor(floats(4), 0, {1 << 18}, {0})},
                     {p_text("b"), p_tensor(floats(4), 0, {1 << 20}, {0})}})));
  add("bad-doubling-tensors.pkl", p_file(doubling(tensor, 30)) + keys + four);
  add("bad-doubling-nothing.pkl", p_file(doubling("]", 60)) + none);
  add("bad-deep.pkl", p_file(repeat("]", 3000) + repeat("a", 2999)) + none);
  add("bad-mark.pkl", p_file(repeat("(", 3000)) + none);
  add("bad-memo.pkl", p_file("h\x7f") + none);
  add("bad-long.pkl", p_file("\x8b\xff\xff\xff\xff") + none);
  add("bad-text.pkl", p_file("\x8d" + little(~std::uint64_t{0}, 8)) + none);
}

void add_torch_seeds(const SeedFolder& seeds) {
  const auto add = [&](const char* name, const std::string& file) {
    seeds.add("torch", name, file);
  };
  add("ok-written.pt", "");
  const auto path = seeds.root() / "torch" / "ok-written.pt";
  write_torch_file(path, tensors());
  const std::string good = text_of(path);
  const std::string tensor = p_tensor(p_storage("FloatStorage", "0", 4), 0, {2, 2}, {2, 1});
  const std::string pickle = p_file(p_dict({{p_text("w"), tensor}}));
  const std::string values(reinterpret_cast<const char*>(kValues.data()), 16);
  add("ok-by-hand.pt", archive_of(pickle, {{"archive/data/0", values}}));
  add("ok-deflated.pt", archive_of(pickle, {{"archive/data/0", values, true}}));
  add("ok-byteorder.pt",
      archive_of(pickle, {{"archive/byteorder", "little"}, {"archive/data/0", values}}));
  add("bad-empty.pt", "");
  for (const std::size_t cut : {4, 30, 100, 500}) {
    add(("bad-cut-" + std::to_string(cut) + ".pt").c_str(), good.substr(0, cut));
  }
  add("bad-pointer.pt", "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n");
  add("bad-no-end.pt", good.substr(0, good.size() - 22));
  add("bad-big-endian.pt",
      archive_of(pickle, {{"archive/byteorder", "big"}, {"archive/data/0", values}}));
  add("bad-no-storage.pt", archive_of(pickle));
  add("bad-short-storage.pt", archive_of(pickle, {{"archive/data/0", values.substr(1)}}));
  add("bad-twice.pt", archive_of(pickle, {{"archive/data.pkl", pickle}}));
  add("bad-script.pt", archive_of(pickle, {{"archive/constants.pkl", pickle}}));
  add("bad-two-archives.pt", archive_of(pickle, {{"other/data.pkl", pickle}}));
  add("bad-system.pt", archive_of(p_file(hostile_call("os", "system"))));
  add("bad-no-records.pt", zip_of({}));
  add("bad-claimed.pt", archive_of(pickle, {{"archive/data/0", values, true, 0x7fffffff}}));
  add("bad-claimed-64m.pt", archive_of(pickle, {{"archive/data/0", values, true, 64 << 20}}));
  // Bombs: a few kilobytes that become a pickle of two million opcodes; harmless ones hold no
  // tensor.
  const auto flood = [](const std::string& piece, std::size_t times) {
    return zip_of({{"archive/data.pkl", "\x80\x02" + repeat(piece, times) + ".", true}});
  };
  add("ok-flood.pt", flood("N", 1'999'000));
  add("ok-flood-lists.pt", flood("]Na", 660'000));
  add("ok-flood-tuples.pt", flood("N\x85", 990'000));
  // One argument list of 64 extents, called again and again.
  const std::vector<std::int64_t> ones(64, 1);
  std::string calls = p_global("torch._utils", "_rebuild_tensor_v2") + std::string("q\0(", 3) +
                      p_storage("FloatStorage", "0", 4) + p_int(0) + p_tuple(ones) + p_tuple(ones) +
                      "tq\1";
  add("bad-flood-tensors.pt",
      zip_of({{"archive/data.pkl",
               "\x80\x02" + calls + repeat(std::string("h\0h\1R", 5), 660'000) + ".", true}}));
}

void add_config_seeds(const SeedFolder& seeds) {
  const auto add = [&](const char* name, const std::string& json) {
    seeds.add("config", name, json);
  };
  add("ok-original.json",
      "{\"_class_name\":\"WanModel\",\"_diffusers_version\":\"0.30.0\",\"dim\":1536,\"eps\":1e-06,"
      "\"ffn_dim\":8960,\"freq_dim\":256,\"in_dim\":16,\"model_type\":\"t2v\",\"num_heads\":12,"
      "\"num_layers\":30,\"out_dim\":16,\"text_len\":512}");
  add("ok-diffusers.json",
      "{\"_class_name\":\"WanTransformer3DModel\",\"attention_head_dim\":128,\"ffn_dim\":8960,"
      "\"freq_dim\":256,\"in_channels\":16,\"num_attention_heads\":12,\"num_layers\":30,"
      "\"out_channels\":16,\"patch_size\":[1,2,2],\"text_dim\":4096,\"added_kv_proj_dim\":null}");
  const auto original = [](const std::string& field) {
    return "{\"_class_name\":\"WanModel\"," + field + "}";
  };
  add("bad-empty.json", "");
  add("bad-list.json", "[]");
  add("bad-null.json", "null");
  add("bad-cut.json", "{\"_class_name\":\"WanModel\"");
  add("bad-class.json", "{\"_class_name\":\"UNet\"}");
  add("bad-type.json", original("\"model_type\":\"i2v\""));
  add("bad-text.json", original("\"dim\":\"1536\""));
  add("bad-zero.json", original("\"num_heads\":0"));
  add("bad-negative.json", original("\"num_layers\":-1"));
  add("bad-wide.json", original("\"dim\":18446744073709551615"));
  add("bad-float.json", original("\"dim\":1e999"));
  add("bad-eps.json", original("\"eps\":-0.0"));
  add("bad-heads.json", original("\"num_heads\":7"));
  add("bad-utf8.json", original("\"dim\":\"\xff\""));
  add("bad-control.json", original("\"dim\":\"\\u001b[31m\""));
  add("bad-layers.json", original("\"num_layers\":16000000"));
  add("bad-long-text.json", original("\"dim\":\"" + std::string(5000, 'x') + "\""));
  add("bad-delete.json", original("\"dim\":\"\x7f\""));
  add("bad-deep-open.json", repeat("[", 5000));
  add("bad-deep-value.json", original("\"dim\":" + repeat("[", 1000) + repeat("]", 1000)));
  add("bad-twice.json", original("\"dim\":1536,\"dim\":\"x\""));
}

}  // namespace vega::fuzz
