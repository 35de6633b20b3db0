// fuzz_seeds FOLDER: writes the seeds of all targets anew (tests/fuzz/seeds holds the result).
// Files of FOLDER that it does not make (found by the fuzzers) stay.
#include <zlib.h>

#include <cstdio>
#include <exception>
#include <fstream>
#include <iterator>
#include <stdexcept>

#include "fuzz/seeds.h"

namespace vega::fuzz {

void SeedFolder::add(const std::string& target, const std::string& name,
                     std::string_view bytes) const {
  std::filesystem::create_directories(root_ / target);
  std::ofstream file(root_ / target / name, std::ios::binary);
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  if (!file.flush()) throw std::runtime_error("cannot write " + name);
}

std::string deflated(const std::string& text, int window_bits) {
  z_stream stream{};
  if (deflateInit2(&stream, 9, Z_DEFLATED, window_bits, 9, Z_DEFAULT_STRATEGY) != Z_OK) {
    throw std::runtime_error("zlib cannot start");
  }
  std::string out(deflateBound(&stream, text.size()), 0);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  const int status = deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  if (status != Z_STREAM_END) throw std::runtime_error("zlib did not finish");
  return out;
}

std::string text_of(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(file), {});
}

}  // namespace vega::fuzz

int main(int argc, char** argv) {
  using namespace vega::fuzz;
  if (argc != 2) {
    std::fprintf(stderr, "usage: fuzz_seeds FOLDER\n");
    return 2;
  }
  try {
    const SeedFolder seeds(argv[1]);
    add_jpeg_seeds(seeds);
    add_png_seeds(seeds);
    add_sens_seeds(seeds);
    add_safetensors_seeds(seeds);
    add_index_seeds(seeds);
    add_torch_seeds(seeds);
    add_pickle_seeds(seeds);
    add_config_seeds(seeds);
    add_ply_seeds(seeds);
    add_annotation_seeds(seeds);
    add_boxes_seeds(seeds);
    add_masks_seeds(seeds);
    add_labels_seeds(seeds);
    add_answers_seeds(seeds);
    add_questions_seeds(seeds);
    add_prepare_seeds(seeds);
    add_rows_seeds(seeds);
    add_tokenizer_seeds(seeds);
    add_decoder_seeds(seeds);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "fuzz_seeds: %s\n", error.what());
    return 1;
  }
  return 0;
}
