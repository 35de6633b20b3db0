// model.safetensors.index.json beside two good shards: tensors "a" and "b" in model-1.safetensors,
// "c" in model-2.safetensors.
#include <cstring>

#include "fuzz/target.h"
#include "weights/safetensors.h"
#include "weights/safetensors_writer.h"

using namespace vega;
using namespace vega::fuzz;

namespace {

const Folder& shards() {
  static const Folder folder;
  static const bool written = [] {
    static const float values[4] = {1, 2, 3, 4};
    const auto* first = reinterpret_cast<const std::byte*>(values);
    const TensorView two{DType::kF32, {2}, first}, four{DType::kF32, {2, 2}, first};
    write_safetensors(folder / "model-1.safetensors", {{"a", two}, {"b", four}});
    write_safetensors(folder / "model-2.safetensors", {{"c", four}});
    return true;
  }();
  require(written, "shards");
  return folder;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  write(shards() / "model.safetensors.index.json", bytes_of(data, size));
  attempt([] { touch(read_sharded(shards().path(), "model")); });
  return 0;
}
