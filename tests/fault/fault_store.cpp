// The store's writers as a small program, quick to start: what the fault tests run thousands of
// times.
//   fault_store make FILE     a features file of two taps (replaces an old one)
//   fault_store add FILE      adds a third tap to it, where it is not there yet
//   fault_store prompt FILE   a prompt file
//   fault_store text FILE     a small text file
//   fault_store verify FILE...   exit 3 and the faults, or its keys and a line a dataset
// Exit codes and messages are those of vega's programs.
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/publish.h"
#include "base/stop.h"
#include "store/inspect.h"
#include "store/prompt.h"
#include "unit/store/store_samples.h"

using namespace vega;

namespace {

// Large enough that HDF5 cannot keep a frame back in its caches.
constexpr std::int64_t kChannels = 300;

void make(const std::string& path) {
  test::write_sample(path, {test::sample_tap("b20_t300", DType::kBF16, kChannels),
                            test::sample_tap("b5_t300", DType::kF32, kChannels)});
}

void add(const std::string& path) {
  const std::vector taps{test::sample_tap("b9_t300", DType::kBF16, kChannels)};
  if (h5::File::open(path).exists("/taps/b9_t300")) return;
  FeatureWriter writer(path, {{"version", "2"}}, taps);
  test::put_all(writer, taps);
  writer.finish();
}

void prompt(const std::string& path) {
  Prompt prompt;
  prompt.header = test::sample_header();
  prompt.rows = 2;
  prompt.width = 4096;
  prompt.context.assign(2 * 4096, 0x3f80);
  write_prompt(path, prompt);
}

int verify_all(char** paths, int count) {
  int code = 0;
  for (int i = 0; i < count; ++i) {
    for (const auto& fault : verify(paths[i])) {
      std::printf("%s: %s: %s\n", fault.path.c_str(), fault.where.c_str(), fault.what.c_str());
      code = 3;
    }
    if (code != 0) continue;
    const h5::File file = h5::File::open(paths[i]);
    std::printf("%s %s\n", paths[i], file.read_text("/", "cache_key").c_str());
    if (file.exists("/taps")) {
      for (const auto& tap : file.children("/taps")) {
        std::printf("%s %s\n", tap.c_str(), file.read_text("/taps/" + tap, "cache_key").c_str());
      }
    }
    for (const auto& object : file.datasets()) {
      std::printf("%s %s\n", object.c_str(), file.read_text(object, "xxh3").c_str());
    }
  }
  return code;
}

int run(const std::string& verb, char** paths, int count) {
  if (verb == "verify") return verify_all(paths, count);
  if (verb == "make") make(paths[0]);
  if (verb == "add") add(paths[0]);
  if (verb == "prompt") prompt(paths[0]);
  if (verb == "text") publish_file(paths[0], std::string(5000, 'x'));
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  catch_stop_signals();
  try {
    return run(argv[1], argv + 2, argc - 2);
  } catch (const Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return error.exit_code();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "a bug: %s\n", error.what());
    return 1;
  }
}
