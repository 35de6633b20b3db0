#include <algorithm>
#include <array>

#include "base/error.h"
#include "base/json.h"
#include "store/attrs.h"
#include "store/checkpoint_file.h"
#include "store/features.h"
#include "store/inspect.h"
#include "store/noise.h"
#include "store/prompt.h"
#include "store/scene_file.h"
#include "store/tokens_file.h"
#include "store/value_statistics.h"

namespace vega {
namespace fs = std::filesystem;
namespace {

class Verifier {
 public:
  explicit Verifier(fs::path path) : path_(std::move(path)) {}

  std::vector<Fault> run() {
    attempt("", [&] {
      const h5::File file = h5::File::open(path_);
      attempt("/", [&] { check_root(file); });
      for (const auto& object : file.datasets()) {
        attempt(object, [&] { check_dataset(file, object); });
      }
    });
    // Readers compare types and shapes. Where values are damaged, they would report the same again.
    if (faults_.empty()) attempt("", [&] { check_schema(); });
    return std::move(faults_);
  }

 private:
  template <typename Check>
  void attempt(const std::string& where, Check check) {
    try {
      check();
    } catch (const std::exception& error) {
      add(where, error.what());
    }
  }

  // The message without the place that the fault names already.
  void add(const std::string& where, std::string what) {
    for (const auto& prefix : {path_.string() + ": ", where + ": "}) {
      if (what.starts_with(prefix)) what.erase(0, prefix.size());
    }
    faults_.push_back({path_, where, std::move(what)});
  }

  void check_root(const h5::File& file) {
    if (!is_complete(file)) add("/", "incomplete, expected attribute complete = 1");
    schema_ = read_schema(file);
    if (schema_ != kFeaturesSchema && schema_ != kPromptSchema && schema_ != kNoiseSchema &&
        schema_ != kSceneSchema && schema_ != kTokensSchema && schema_ != kCheckpointSchema) {
      add("/", "schema '" + schema_ + "' is not known to this version");
    }
    if (!parse_json(read_header(file).options_json)) {
      add("/", "attribute options is no JSON");
    }
  }

  void check_dataset(const h5::File& file, const std::string& object) {
    const auto info = file.info(object);
    if (!info.chunk.empty() && !info.fletcher32) add(object, "no fletcher32 on its chunks");
    try {
      file.check_dataset(object);
    } catch (const FormatError& error) {
      add(object, error.what() + unreadable_rows(file, object, info));
      return;
    }
    const std::string name = object.substr(object.rfind('/') + 1);
    static constexpr std::array kFinite = {"tokens",     "context", "eps",  "semantic",
                                           "generative", "fused",   "gate", "feature"};
    const bool finite = schema_ == kCheckpointSchema
                            ? detail::is_floating(info.dtype)
                            : std::find(kFinite.begin(), kFinite.end(), name) != kFinite.end();
    if (!finite) return;
    const auto found = detail::value_statistics(file, object, info);
    if (found.not_finite > 0) {
      add(object, std::to_string(found.not_finite) + " of " + std::to_string(found.count) +
                      " values are not finite");
    }
  }

  // Which chunks fail, where a row is a chunk.
  static std::string unreadable_rows(const h5::File& file, const std::string& object,
                                     const h5::DatasetInfo& info) {
    constexpr int kMost = 8;
    if (info.chunk.empty() || info.chunk[0] != 1) return "";
    std::vector<std::byte> row(info.row_bytes());
    std::string list;
    int found = 0;
    for (std::int64_t r = 0; r < info.row_count() && found < kMost; ++r) {
      try {
        file.read_rows(object, r, 1, row);
      } catch (const FormatError&) {
        list += (found++ ? ", " : "; rows that cannot be read: ") + std::to_string(r);
      }
    }
    return list + (found == kMost ? ", ..." : "");
  }

  void check_schema() const {
    if (schema_ == kFeaturesSchema) {
      const FeatureReader reader(path_);
      static_cast<void>(reader.frames());
      static_cast<void>(reader.thumbs());
      if (!reader.header().default_tap.empty()) static_cast<void>(reader.tap_index(""));
    } else if (schema_ == kPromptSchema) {
      static_cast<void>(read_prompt(path_));
    } else if (schema_ == kNoiseSchema) {
      static_cast<void>(read_noise(path_));
    } else if (schema_ == kCheckpointSchema) {
      static_cast<void>(CheckpointFile(path_));
    } else if (schema_ == kTokensSchema) {
      const TokensReader reader(path_);
      static_cast<void>(reader.frames());
      static_cast<void>(reader.thumbs());
      static_cast<void>(reader.positions());
      if (reader.info().has_gate) static_cast<void>(reader.gate());
      if (reader.has_covered()) static_cast<void>(reader.covered());
      for (const auto kind : {ObjectKind::kGt, ObjectKind::kProposal})
        static_cast<void>(reader.objects(kind));
    } else if (schema_ == kSceneSchema) {
      const SceneReader reader(path_);
      static_cast<void>(reader.frames());
      static_cast<void>(reader.axis_align());
      static_cast<void>(reader.patches());
      if (reader.has_color()) static_cast<void>(reader.color_jpeg());
      for (const auto kind : {ObjectKind::kGt, ObjectKind::kProposal}) {
        if (reader.has_objects(kind)) static_cast<void>(reader.objects(kind));
      }
    }
  }

  fs::path path_;
  std::string schema_;
  std::vector<Fault> faults_;
};

}  // namespace

std::vector<Fault> verify(const fs::path& path) { return Verifier(path).run(); }

}  // namespace vega
