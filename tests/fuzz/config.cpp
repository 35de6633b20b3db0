// config.json of a model, in both layouts. There are no weights beside it, so a good configuration
// is one that gets as far as missing them.
#include <filesystem>

#include "base/error.h"
#include "fuzz/target.h"
#include "models/wan/checkpoint.h"

using namespace vega;
using namespace vega::fuzz;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Folder original, diffusers;
  static const bool made = std::filesystem::create_directory(diffusers / "transformer");
  require(made, "a folder");
  const auto bytes = bytes_of(data, size);
  write(original / "config.json", bytes);
  write(diffusers / "transformer/config.json", bytes);
  const auto open = [](const std::filesystem::path& folder) {
    try {
      wan::open_checkpoint(folder);
    } catch (const InputError& error) {
      const std::string text = error.what();
      if (text.find("diffusion_pytorch_model*.safetensors: got no such file") == text.npos) throw;
    }
  };
  attempt_any({[&] { open(original.path()); }, [&] { open(diffusers.path()); }});
  return 0;
}
