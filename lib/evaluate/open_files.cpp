#include "evaluate/open_files.h"

namespace vega::evaluate {

OpenFiles::OpenFiles(const ScenePaths& paths, const FileChoice& choice) {
  if (!paths.tokens.empty()) {
    tokens.emplace(paths.tokens);
    files.tokens = &*tokens;
  }
  if (!paths.semantic.empty()) {
    semantic.emplace(paths.semantic);
    files.semantic = &*semantic;
  }
  if (!paths.generative.empty()) {
    generative.emplace(paths.generative);
    files.generative = &*generative;
    files.generative_tap = choice.tap;
  }
  files.allow_mismatch = choice.allow_mismatch;
  files.objects = choice.objects;
  if (paths.scene.empty()) return;
  scene.emplace(paths.scene);
  files.scene = &*scene;
}

std::size_t OpenFiles::frame_count() const {
  return semantic     ? semantic->frame_count()
         : tokens     ? tokens->frame_count()
         : generative ? generative->frame_count()
                      : scene->frame_count();
}

Json OpenFiles::cache_keys() const {
  Json out = Json::object();
  const auto add_tap = [&out](const char* part, const auto& file, const std::string& tap) {
    if (!file) return;
    const std::string& key = file->taps()[file->tap_index(tap)].cache_key;
    out.set(part, key.empty() ? file->header().cache_key : key);
  };
  if (scene) out.set("scene", scene->header().cache_key);
  if (tokens) out.set("tokens", tokens->header().cache_key);
  add_tap("semantic", semantic, files.semantic_tap);
  add_tap("generative", generative, files.generative_tap);
  return out;
}

}  // namespace vega::evaluate
