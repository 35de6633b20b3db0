// Folders of frames: which files there are, which belong together, which lack a partner.
#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <map>
#include <set>

#include "base/error.h"
#include "scene/audit_detail.h"

namespace vega::detail {
namespace {

namespace fs = std::filesystem;

// The files of one frame by its number; names relative to the folder.
struct Files {
  std::string color, pose, depth;
};
struct Inventory {
  std::string dialect;  // scannet, 7scenes; "" where a folder is neither
  std::map<std::int64_t, Files> frames;
};

std::optional<std::int64_t> digits(std::string_view text) {
  std::int64_t value = 0;
  const char* end = text.data() + text.size();
  const auto [at, code] = std::from_chars(text.data(), end, value);
  if (text.empty() || text.size() > 18 || code != std::errc{} || at != end || text[0] == '-')
    return std::nullopt;
  return value;
}

std::string lower(std::string text) {
  for (char& c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return text;
}

// Where a file with this ending goes; nothing: it is none of a frame.
std::string Files::*slot(const std::string& ending, bool seven) {
  const std::string end = lower(ending);
  if (seven) {
    if (end == ".color.jpg" || end == ".color.jpeg" || end == ".color.png") return &Files::color;
    if (ending == ".pose.txt") return &Files::pose;
    return ending == ".depth.png" ? &Files::depth : nullptr;
  }
  if (end == ".jpg" || end == ".jpeg") return &Files::color;
  if (ending == ".txt") return &Files::pose;
  return ending == ".png" ? &Files::depth : nullptr;
}

std::map<std::int64_t, Files> collect(const std::set<std::string>& names, bool seven) {
  constexpr std::string_view kPrefix = "frame-";
  std::map<std::int64_t, Files> frames;
  for (const std::string& name : names) {
    std::string_view rest = name;
    if (seven && !rest.starts_with(kPrefix)) continue;
    if (seven) rest.remove_prefix(kPrefix.size());
    const auto dot = rest.find('.');
    if (dot == std::string_view::npos) continue;
    const auto id = digits(rest.substr(0, dot));
    std::string Files::*const part = id ? slot(std::string(rest.substr(dot)), seven) : nullptr;
    if (part != nullptr && (frames[*id].*part).empty()) frames[*id].*part = name;
  }
  return frames;
}

Inventory take_inventory(const fs::path& folder) {
  std::set<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with('.')) names.insert(name);
  }
  const auto any = [](const std::map<std::int64_t, Files>& frames, auto test) {
    return std::any_of(frames.begin(), frames.end(), [&](auto& f) { return test(f.second); });
  };
  auto seven = collect(names, true), scannet = collect(names, false);
  if (any(seven, [](const Files& f) { return !f.color.empty(); })) return {"7scenes", seven};
  const bool posed = any(scannet, [](const Files& f) { return !f.color.empty(); }) &&
                     (names.contains("intrinsic.txt") || any(scannet, [](const Files& f) {
                        return !f.color.empty() && !f.pose.empty();
                      }));
  return posed ? Inventory{"scannet", scannet} : Inventory{};
}

// What the poses say, frame by frame.
struct Poses {
  std::map<std::int64_t, Pose> good;
  Ids missing, malformed, nan, infinite;
  std::string example;  // the first malformed one
};

Poses read_poses(const fs::path& folder, const Inventory& inventory) {
  Poses poses;
  for (const auto& [id, files] : inventory.frames) {
    if (files.color.empty()) continue;
    if (files.pose.empty()) {
      poses.missing.push_back(id);
      continue;
    }
    const auto values = numbers_of(folder / files.pose);
    if (!values || values->size() != 16) {
      if (poses.malformed.empty()) {
        poses.example = files.pose + (values ? " has " + counted(std::ssize(*values), "number")
                                             : " has words that are no numbers");
      }
      poses.malformed.push_back(id);
      continue;
    }
    const auto any = [&](auto test) { return std::any_of(values->begin(), values->end(), test); };
    if (any([](double v) { return std::isnan(v); })) {
      poses.nan.push_back(id);
    } else if (any([](double v) { return std::isinf(v); })) {
      poses.infinite.push_back(id);
    } else {
      std::copy(values->begin(), values->end(), poses.good[id].begin());
    }
  }
  return poses;
}

void tell_poses(const fs::path& folder, const Inventory& inventory, const Poses& poses,
                Findings& findings) {
  const std::string where = folder.string();
  const bool seven = inventory.dialect == "7scenes";
  if (!poses.missing.empty()) {
    findings.add(
        Severity::kError, "poses", where,
        fmt::format("{} without a pose file", counted(std::ssize(poses.missing), "picture")),
        fmt::format("add {}, or remove the pictures",
                    seven ? "frame-NNNNNN.pose.txt" : "NNNNN.txt"),
        poses.missing);
  }
  if (!poses.malformed.empty()) {
    findings.add(Severity::kError, "poses", where,
                 fmt::format("{} that cannot be read: {}",
                             counted(std::ssize(poses.malformed), "pose file"), poses.example),
                 "16 numbers, camera to world, row by row", poses.malformed);
  }
  for (const auto& [ids, kind] : {std::pair{&poses.nan, "not a number"},
                                  std::pair{&poses.infinite, "infinite (lost tracking)"}}) {
    if (ids->empty()) continue;
    findings.add(Severity::kWarning, "poses", where,
                 fmt::format("{} of {} frames have a pose that is {}", ids->size(),
                             inventory.frames.size(), kind),
                 "these frames are left out, as in the release", *ids);
  }
}

// Files that lack their picture, frames that lack their depth map.
void tell_partners(const fs::path& folder, const Inventory& inventory, Findings& findings) {
  Ids orphans, without, pictures;
  for (const auto& [id, files] : inventory.frames) {
    if (files.color.empty()) {
      orphans.push_back(id);
    } else {
      pictures.push_back(id);
      if (files.depth.empty()) without.push_back(id);
    }
  }
  if (!orphans.empty()) {
    findings.add(Severity::kWarning, "color", folder.string(),
                 fmt::format("{} with a pose or a depth map, but no picture",
                             counted(std::ssize(orphans), "frame")),
                 "these frames do not count: is the copy whole?", orphans);
  }
  if (without.size() == pictures.size()) {
    findings.add(Severity::kNote, "depth", folder.string(), "no depth maps",
                 "features do not need them; stages that place tokens in space do");
  } else if (!without.empty()) {
    findings.add(Severity::kWarning, "depth", folder.string(),
                 fmt::format("{} of {} frames have no depth map", without.size(), pictures.size()),
                 "stages that place tokens in space cannot use these frames", without);
  }
}

std::optional<Intrinsics> tell_intrinsics(const fs::path& file, Findings& findings) {
  std::error_code code;
  if (!fs::exists(file, code)) return std::nullopt;  // audit_cameras says so
  const auto values = numbers_of(file);
  const bool shape = values && (values->size() == 9 || values->size() == 16);
  const bool finite = shape && std::all_of(values->begin(), values->end(),
                                           [](double v) { return std::isfinite(v); });
  if (!finite) {
    findings.add(Severity::kError, "intrinsics", file.string(),
                 !values ? "words that are no numbers"
                 : shape ? "numbers that are not finite"
                         : counted(std::ssize(*values), "number"),
                 "a 3x3 or 4x4 matrix of finite numbers, pixels");
    return std::nullopt;
  }
  const std::size_t width = values->size() == 9 ? 3 : 4;
  Intrinsics k;
  for (std::size_t i = 0; i < 9; ++i) k[i] = (*values)[i / 3 * width + i % 3];
  return k;
}

// The frames that can be used, whatever the others lack.
std::optional<SceneSource> usable(const fs::path& folder, const Inventory& inventory,
                                  const Poses& poses) {
  SceneSource source;
  source.dialect = inventory.dialect;
  source.root = folder;
  source.dropped_nonfinite_poses = std::ssize(poses.nan) + std::ssize(poses.infinite);
  for (const auto& [id, pose] : poses.good) {
    const Files& files = inventory.frames.at(id);
    FrameRef frame;
    frame.id = id;
    frame.color = folder / files.color;
    if (!files.depth.empty()) frame.depth = folder / files.depth;
    frame.world_from_cam = pose;
    frame.time_s = std::numeric_limits<double>::quiet_NaN();
    source.frames.push_back(std::move(frame));
  }
  if (source.frames.empty()) return std::nullopt;
  return source;
}

// NAME.txt, NAME.sens in a folder NAME: files of the whole scan.
fs::path file_of_scan(const fs::path& folder, const char* ending) {
  const fs::path whole = fs::absolute(folder).lexically_normal();
  const auto name = (whole.has_filename() ? whole : whole.parent_path()).filename();
  return folder / (name.string() + ending);
}

// ScanNet or 7-Scenes. source: what open_source gave; else why it refused.
SourceAudit audit_posed(const fs::path& folder, const Inventory& inventory,
                        std::optional<SceneSource> source, const std::string& refusal,
                        Findings& findings) {
  SourceAudit audit;
  audit.dialect = inventory.dialect;
  Ids all;
  for (const auto& [id, files] : inventory.frames) {
    all.push_back(id);
    audit.found += files.color.empty() ? 0 : 1;
  }
  findings.number(std::move(all));
  const Poses poses = read_poses(folder, inventory);
  tell_poses(folder, inventory, poses, findings);
  tell_partners(folder, inventory, findings);
  const bool seven = audit.dialect == "7scenes";
  const auto color =
      tell_intrinsics(folder / (seven ? "camera-intrinsics.txt" : "intrinsic.txt"), findings);
  const auto depth = seven ? color : tell_intrinsics(folder / "depth_intrinsic.txt", findings);
  if (!source) {
    if (!findings.has(Severity::kError))
      findings.add(Severity::kError, "frames", folder.string(), refusal);
    source = usable(folder, inventory, poses);
    if (source) source->K_color = color, source->K_depth = depth;
  }
  audit.source = std::move(source);
  const fs::path text = file_of_scan(folder, ".txt");
  std::error_code code;
  if (!seven && fs::exists(text, code)) audit_scan_text(text, 0, findings);
  return audit;
}

// Pictures without poses.
SourceAudit audit_plain(SceneSource source, Findings& findings) {
  SourceAudit audit;
  audit.dialect = source.dialect;
  audit.found = std::ssize(source.frames);
  Ids all;
  for (const FrameRef& frame : source.frames) all.push_back(frame.id);
  findings.number(std::move(all));
  audit.source = std::move(source);
  return audit;
}

}  // namespace

SourceAudit audit_folder(const fs::path& folder, const SourceOptions& options, Findings& findings) {
  std::optional<SceneSource> source;
  std::string refusal;
  try {
    source = open_source(folder, options);
  } catch (const InputError& error) {
    refusal = error.what();
  }
  std::error_code code;
  const bool readable = fs::is_directory(folder, code);
  const Inventory inventory = readable ? take_inventory(folder) : Inventory{};
  if (!inventory.dialect.empty())
    return audit_posed(folder, inventory, std::move(source), refusal, findings);
  const fs::path stream = file_of_scan(folder, ".sens");
  if (source ? source->dialect == "sens" : readable && fs::exists(stream, code))
    return audit_sens(stream, options, findings);
  if (!source) throw InputError(refusal);
  return audit_plain(std::move(*source), findings);
}

}  // namespace vega::detail
