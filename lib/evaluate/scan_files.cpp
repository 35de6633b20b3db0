#include "evaluate/scan_files.h"

#include <fmt/core.h>
#include <algorithm>

#include <cstdlib>
#include <system_error>

#include "base/error.h"
#include "base/key.h"
#include "base/log.h"
#include "base/text.h"

namespace vega::evaluate {
namespace fs = std::filesystem;
namespace {

// What a part is called, where it is looked for, and what it is made with.
struct PartWords {
  const char *what, *option, *folder, *made_with, *verb;
};

PartWords words_of(ScanPart part) {
  switch (part) {
    case ScanPart::kScene: return {"scene file", "--scenes", "scenes", "", "vega-extract scene"};
    case ScanPart::kSemantic:
      return {"semantic features", "--semantic", "semantic", "--tower",
              "vega-extract features --backbone siglip"};
    case ScanPart::kGenerative: break;
  }
  return {"generative features", "--features", "features", "--model", "vega-extract features"};
}

std::string folder_of(ScanPart part, const ScanInputs& inputs) {
  return part == ScanPart::kScene      ? inputs.scenes
         : part == ScanPart::kSemantic ? inputs.semantic
                                       : inputs.features;
}

std::string checked_key(const std::string& key) {
  if (is_key(key)) return key;
  throw UsageError(explain("--key", "'" + key + "'", "letters, digits, '.', '_', '-'"));
}

// The file that an earlier run with this --work made; empty: none, or several.
fs::path kept_file(const std::string& work, const std::string& folder, const std::string& key) {
  fs::path found;
  std::error_code error;
  if (work.empty()) return found;
  for (const auto& tag : fs::directory_iterator(fs::path(work) / folder, error)) {
    const fs::path file = tag.path() / (key + ".h5");
    if (!fs::exists(file, error)) continue;
    if (!found.empty()) return {};
    found = file;
  }
  return found;
}

}  // namespace

NeededParts needed_parts(const vlm::VlmCheckpoint& checkpoint, const ScanInputs& inputs) {
  const auto given = [&](const std::string& folder) {
    return !folder.empty() || !inputs.tokens.empty();
  };
  const vlm::Needs needs = checkpoint.needed_files(given(inputs.semantic), given(inputs.features));
  NeededParts out;
  out.semantic = needs.semantic;
  out.generative = needs.generative;
  out.scene = needs.positions || !needs.features();
  if (out.scene) out.why_scene = needs.positions ? "3D positions of tokens" : "its frames";
  return out;
}

bool files_are_there(const ScanInputs& inputs, const NeededParts& needed) {
  const std::string key = !inputs.key.empty()        ? inputs.key
                          : fs::exists(inputs.scene) ? scene_key(inputs.scene)
                                                     : inputs.scene;
  const auto there = [&](ScanPart part) {
    const std::string folder = folder_of(part, inputs);
    return !folder.empty() && fs::exists(fs::path(folder) / (key + ".h5"));
  };
  if (needed.scene && !there(ScanPart::kScene)) return false;
  if (!inputs.tokens.empty()) return fs::exists(fs::path(inputs.tokens) / (key + ".h5"));
  return (!needed.semantic || there(ScanPart::kSemantic)) &&
         (!needed.generative || there(ScanPart::kGenerative));
}

void check_folders(const ScanInputs& inputs, const NeededParts& needed,
                   const std::vector<std::string>& keys, bool scans) {
  const auto check = [&](const PartWords& words, const std::string& folder, bool can_be_made) {
    const auto there = [&](const std::string& key) {
      return fs::exists(fs::path(folder) / (key + ".h5"));
    };
    if (can_be_made || (!folder.empty() && std::ranges::any_of(keys, there))) return;
    const std::string scenes = plural(keys.size(), "scene");
    if (folder.empty())
      throw InputError(explain(words.option, "nothing",
                               "the folder of the " + std::string(words.what) + " of " + scenes,
                               "make them with " + std::string(words.verb)));
    throw InputError(
        explain(std::string(words.option) + " " + folder,
                fs::is_directory(folder) ? "no file of any of " + scenes : "no such folder",
                keys.front() + ".h5 and the like: the " + words.what + " of the questions' scenes",
                "name the right folder, or make them with " + std::string(words.verb)));
  };
  const auto check_part = [&](ScanPart part, bool weights) {
    check(words_of(part), folder_of(part, inputs), scans && weights);
  };
  if (needed.scene) check_part(ScanPart::kScene, true);
  if (!inputs.tokens.empty())
    return check({"tokens", "--tokens", "", "", "vega-fuse tokens"}, inputs.tokens, false);
  if (needed.semantic) check_part(ScanPart::kSemantic, !inputs.tower.empty());
  if (needed.generative) check_part(ScanPart::kGenerative, !inputs.model.empty());
}

ScanFiles::ScanFiles(const ScanInputs& inputs, const NeededParts& needed, const MakeScanPart& make,
                     const Context& context) {
  if (!inputs.by_key && fs::exists(inputs.scene)) {
    scan_ = inputs.scene;
    key_ = inputs.key.empty() ? scene_key(scan_) : checked_key(inputs.key);
  } else if (is_key(inputs.scene) &&
             (!inputs.semantic.empty() || !inputs.tokens.empty() || !needed.semantic)) {
    key_ = inputs.scene;
  } else {
    throw InputError(explain("SCENE '" + inputs.scene + "'", "no such file or folder",
                             "a scan, a video, or the key of files",
                             "a key also needs --semantic DIR, the folder of its features, or "
                             "--tokens DIR"));
  }
  // The part that most often cannot be made comes first: hours of features are not spent for it.
  try {
    if (needed.scene) {
      why_scene_ = needed.why_scene;
      paths_.scene = part(ScanPart::kScene, inputs, make, context);
      if (needed.check_scene) needed.check_scene(paths_.scene);
    }
    if (!inputs.tokens.empty()) {
      paths_.tokens = fs::path(inputs.tokens) / (key_ + ".h5");
      if (!fs::exists(paths_.tokens))
        throw InputError(explain("--tokens " + paths_.tokens.string(), "no such file",
                                 "the tokens of the scene " + key_,
                                 "make it with vega-fuse tokens"));
      return;
    }
    if (needed.semantic) paths_.semantic = part(ScanPart::kSemantic, inputs, make, context);
    if (needed.generative) paths_.generative = part(ScanPart::kGenerative, inputs, make, context);
  } catch (...) {
    std::error_code ignored;
    if (!temporary_.empty()) fs::remove_all(temporary_, ignored);
    throw;
  }
}

ScanFiles::~ScanFiles() {
  std::error_code ignored;
  if (!temporary_.empty()) fs::remove_all(temporary_, ignored);
}

fs::path ScanFiles::part(ScanPart part, const ScanInputs& inputs, const MakeScanPart& make,
                         const Context& context) {
  const PartWords words = words_of(part);
  const std::string folder = folder_of(part, inputs);
  if (!folder.empty()) {
    const fs::path path = fs::path(folder) / (key_ + ".h5");
    if (fs::exists(path)) return path;
    if (scan_.empty())
      throw InputError(explain(std::string(words.option) + " " + path.string(), "no such file",
                               std::string("the ") + words.what + " of the scene " + key_,
                               std::string("make it with ") + words.verb));
  }
  const std::string lacks = "no " + std::string(words.what);
  if (scan_.empty())
    throw InputError(explain(key_, lacks, std::string(words.option) + " DIR",
                             std::string("name the folder, or give the scan instead of its key")));
  ScanJob job = inputs.job;
  job.part = part;
  job.scan = scan_;
  job.key = key_;
  if (part == ScanPart::kSemantic) job.model = inputs.tower;
  if (part == ScanPart::kGenerative) {
    job.model = inputs.model;
    job.prompt = inputs.prompt;
  }
  if (part != ScanPart::kScene && job.model.empty()) {
    if (const fs::path kept = kept_file(inputs.work, words.folder, key_); !kept.empty())
      return kept;
    throw InputError(explain(scan_.string(), lacks + " and no weights to compute them",
                             std::string(words.option) + " DIR or " + words.made_with + " DIR"));
  }
  job.out = work_folder(inputs.work) / words.folder;
  // All parts are of the same frames.
  if (!paths_.scene.empty())
    job.frames = paths_.scene.parent_path();
  else if (!paths_.semantic.empty())
    job.frames = paths_.semantic.parent_path();
  log_info("{}: {}: the {}: made where it is not there yet", key_, scan_.string(), words.what);
  try {
    return make(job, context);
  } catch (const RefusedError& error) {
    throw RefusedError(explain("--work " + inputs.work, error.what(),
                               "files that were made with the settings of this run",
                               "give another --work"));
  } catch (const InputError& error) {
    if (part != ScanPart::kScene) throw;
    throw InputError(fmt::format(
        "{}: no scene file can be made, which is needed for {}: {}; a scan with depth, poses and "
        "intrinsics works, or a checkpoint that needs none of it (without "
        "world_position_embedding_type, such as LLaVA-Video)",
        scan_.string(), why_scene_, error.what()));
  }
}

fs::path ScanFiles::work_folder(const std::string& asked) {
  if (!asked.empty()) return asked;
  if (temporary_.empty()) {
    std::string name = (fs::temp_directory_path() / "vega-answer-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr)
      throw OutputError(explain(name, "a folder that cannot be made", "a temporary folder",
                                "set TMPDIR, or name one with --work"));
    temporary_ = name;
  }
  return temporary_;
}

}  // namespace vega::evaluate
