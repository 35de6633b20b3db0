// A .pth file, mostly the zip container: directory, records, CRC-32, then the pickle in it. A file
// whose checksums alone are wrong is read again with the right ones, or no change of a record would
// ever get past them.
#include "fuzz/repair.h"
#include "fuzz/target.h"
#include "weights/torch_file.h"

using namespace vega;
using namespace vega::fuzz;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto read = [](std::span<const std::byte> bytes) {
    const InputFile file(bytes);
    return attempt([&] { touch(read_torch_file(file.path())); });
  };
  const auto bytes = bytes_of(data, size);
  if (!read(bytes) && tally().last.find("CRC-32") != std::string::npos) {
    read(with_right_zip_sums(bytes));
  }
  return 0;
}
