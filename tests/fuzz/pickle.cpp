// The pickle machine, without checksums in the way: the input is what follows the first three
// pickles of a .pth file of before PyTorch 1.6 (the object, the list of storage keys, the data).
#include <string_view>
#include <vector>

#include "fuzz/target.h"
#include "weights/torch_file.h"

using namespace vega;
using namespace vega::fuzz;

namespace {

using namespace std::string_view_literals;
constexpr std::string_view kFront =
    "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19."  // magic number
    "\x80\x02M\xe9\x03."                                         // version 1001
    "\x80\x02}X\x0d\0\0\0little_endian\x88s."sv;                 // the machine

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto front = std::as_bytes(std::span(kFront.data(), kFront.size()));
  std::vector<std::byte> all(front.begin(), front.end());
  const auto rest = bytes_of(data, size);
  all.insert(all.end(), rest.begin(), rest.end());
  const InputFile file(all);
  attempt([&] { touch(read_torch_file(file.path())); });
  return 0;
}
