// One safetensors file: the header, and every byte of every tensor.
#include "weights/safetensors.h"
#include "fuzz/target.h"

using namespace vega;
using namespace vega::fuzz;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const InputFile file(bytes_of(data, size));
  attempt([&] { touch(read_safetensors(file.path())); });
  return 0;
}
