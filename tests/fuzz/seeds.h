// The files of seeds/, made by vega's own writers and by hand: what is good begins with "ok-", what
// a reader must refuse with "bad-".
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace vega::fuzz {

// Writes SEEDS/TARGET/NAME.
class SeedFolder {
 public:
  explicit SeedFolder(std::filesystem::path root) : root_(std::move(root)) {}
  void add(const std::string& target, const std::string& name, std::string_view bytes) const;
  const std::filesystem::path& root() const { return root_; }

 private:
  std::filesystem::path root_;
};

// A zlib stream (window_bits 15) or a bare deflate stream (-15) of `text`, at the best level.
std::string deflated(const std::string& text, int window_bits = 15);

struct ZipRecord {
  std::string name, data;
  bool deflate = false;
  std::uint64_t claimed = ~std::uint64_t{0};  // size in the directory; default: the real one
};

// A zip archive by hand, so that it can lie; checksums are set right.
std::string zip_of(const std::vector<ZipRecord>& records);

// The whole file as text.
std::string text_of(const std::filesystem::path& path);

void add_jpeg_seeds(const SeedFolder& seeds);
void add_png_seeds(const SeedFolder& seeds);
void add_sens_seeds(const SeedFolder& seeds);
void add_safetensors_seeds(const SeedFolder& seeds);
void add_index_seeds(const SeedFolder& seeds);
void add_torch_seeds(const SeedFolder& seeds);
void add_pickle_seeds(const SeedFolder& seeds);
void add_config_seeds(const SeedFolder& seeds);
void add_ply_seeds(const SeedFolder& seeds);
void add_annotation_seeds(const SeedFolder& seeds);
void add_boxes_seeds(const SeedFolder& seeds);
void add_masks_seeds(const SeedFolder& seeds);
void add_labels_seeds(const SeedFolder& seeds);
void add_answers_seeds(const SeedFolder& seeds);
void add_questions_seeds(const SeedFolder& seeds);
void add_prepare_seeds(const SeedFolder& seeds);
void add_rows_seeds(const SeedFolder& seeds);
void add_tokenizer_seeds(const SeedFolder& seeds);
void add_decoder_seeds(const SeedFolder& seeds);

}  // namespace vega::fuzz
