// The label table scannetv2-labels.combined.tsv.
#include "scan/labels.h"
#include "fuzz/target.h"

using namespace vega;
using namespace vega::fuzz;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const InputFile file(bytes_of(data, size));
  attempt([&] {
    const scan::LabelMap labels(file.path());
    require(labels.size() <= size, "labels that the file holds");
    for (const char* label : {"case", "chair", "", "no such label"}) {
      const int nyu40 = labels.nyu40(label);
      require(nyu40 >= 0 && nyu40 <= 255, "an id of NYU40's width");
    }
    const char* absent = "no such label";  // which the fuzzer finds all the same
    require(labels.contains("case") || labels.contains(absent) || labels.nyu40(absent) == 0,
            "0 for what is unknown, without case");
  });
  return 0;
}
