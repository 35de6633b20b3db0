// Caption metrics beside pycocoevalcap with its Java programs, on the same captions, in one run:
//   bench_metrics METEOR_DIR [PYTHON [ITEMS]]
// METEOR_DIR: the folder `meteor` of pycocoevalcap; PYTHON: an interpreter that has pycocoevalcap
// (absent: vega alone); ITEMS: 5000. Each side is a program of its own that reads the captions from
// a file, so that start-up counts; vega takes all cores. The index of the paraphrases is built
// beforehand and timed apart.
#include <fmt/core.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <random>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/parallel.h"
#include "base/text.h"
#include "score/captions.h"
#include "score/lines.h"

namespace {

using namespace vega;
namespace fs = std::filesystem;

constexpr const char* kScript = R"(import json, sys
from pycocoevalcap.tokenizer.ptbtokenizer import PTBTokenizer
from pycocoevalcap.bleu.bleu import Bleu
from pycocoevalcap.rouge.rouge import Rouge
from pycocoevalcap.cider.cider import Cider
from pycocoevalcap.meteor.meteor import Meteor
rows = [json.loads(line) for line in open(sys.argv[1])]
references = PTBTokenizer().tokenize({r["id"]: [{"caption": c} for c in r["references"]] for r in rows})
hypotheses = PTBTokenizer().tokenize({r["id"]: [{"caption": r["hypothesis"]}] for r in rows})
scores = Bleu(4).compute_score(references, hypotheses, verbose=0)[0]
meteor = Meteor()
scores += [s.compute_score(references, hypotheses)[0] for s in (meteor, Rouge(), Cider())]
print("scores", *("%.10f" % (100 * s) for s in scores), file=sys.stderr)
)";

// Captions like those of rooms: 7 to 20 words, three references that share some of them.
void write_captions(const fs::path& path, int items) {
  static const std::vector<std::string> kWords = {
      "the",   "a",      "brown", "white",  "wooden",  "chair",    "table",   "desk",  "is",
      "next",  "to",     "of",    "left",   "right",   "window",   "door",    "bed",   "sofa",
      "near",  "corner", "room",  "there",  "in",      "front",    "on",      "large", "small",
      "trash", "can",    "under", "behind", "shelves", "bookcase", "with",    "legs",  "black",
      "round", "it",     "has",   "two",    "pillows", "monitor",  "between", "and",   "standing",
      "couch", "facing", "wall",  "lamps",  "cabinet"};
  std::mt19937_64 random(1);
  const auto caption = [&] {
    std::string out;
    for (std::uint64_t n = 7 + random() % 14; n > 0; --n)
      out += (out.empty() ? "" : " ") + kWords[random() % kWords.size()];
    return out + ".";
  };
  std::ofstream file(path);
  for (int i = 0; i < items; ++i) {
    Json references = Json::list();
    for (int r = 0; r < 3; ++r) references.push(caption());
    file << Json{{"id", i}, {"hypothesis", caption()}, {"references", references}}.dump() << '\n';
  }
}

int score_file(const fs::path& meteor, const fs::path& file) {
  std::vector<metrics::Caption> captions;
  score::each_record(read_text(file, "captions", std::size_t{1} << 30), file.string(), "a caption",
                     [&](std::size_t, const Json& record) {
                       captions.push_back({*record["hypothesis"].text(), {}});
                       for (const Json& one : record["references"].elements())
                         captions.back().references.push_back(*one.text());
                     });
  score::ptb_tokenise(captions);
  const score::CaptionScorer scorer(score::open_meteor(meteor, {}));
  std::string line = "scores";
  for (const auto& one :
       scorer.measures(captions, {}, score::CaptionTotals::kCorpus, available_cores()))
    line += fmt::format(" {:.10f}", metrics::value_of(one.sums));
  fmt::print(stderr, "{}\n", line);
  return 0;
}

struct Cost {
  double wall_s = 0, processor_s = 0, memory_mb = 0;
};

// Runs a program to its end; the time of its children counts too, and the memory of the largest of
// all. What it prints on stdout is dropped.
Cost run(const std::vector<std::string>& command) {
  const auto processor = [] {
    rusage u{};
    getrusage(RUSAGE_CHILDREN, &u);
    return static_cast<double>(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
           1e-6 * static_cast<double>(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
  };
  const double before = processor();
  const auto start = std::chrono::steady_clock::now();
  std::fflush(stdout);
  const pid_t child = fork();
  if (child == 0) {
    std::vector<char*> arguments;
    for (const std::string& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    if (std::freopen("/dev/null", "w", stdout) != nullptr) execvp(arguments[0], arguments.data());
    _exit(127);
  }
  int status = 0;
  rusage usage{};
  wait4(child, &status, 0, &usage);
  if (status != 0) {
    fmt::print(stderr, "{} failed\n", command[0]);
    std::exit(1);
  }
  return {std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count(),
          processor() - before, static_cast<double>(usage.ru_maxrss) / 1000};
}

void print(const char* side, const Cost& cost) {
  fmt::print("{:28} {:8.2f} s wall {:8.2f} s of processor time {:8.0f} MB\n", side, cost.wall_s,
             cost.processor_s, cost.memory_mb);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 4 && std::strcmp(argv[1], "--score") == 0) return score_file(argv[2], argv[3]);
  if (argc < 2) {
    fmt::print(stderr, "bench_metrics METEOR_DIR [PYTHON [ITEMS]]\n");
    return 2;
  }
  const fs::path folder = fs::temp_directory_path() / fmt::format("vega-bench-{}", getpid());
  fs::create_directories(folder);
  setenv("XDG_CACHE_HOME", folder.c_str(), 1);
  const fs::path captions = folder / "captions.jsonl", script = folder / "side.py",
                 one = folder / "one.jsonl";
  const int items = argc > 3 ? std::atoi(argv[3]) : 5000;
  write_captions(captions, items);
  write_captions(one, 1);
  std::ofstream(script) << kScript;
  const std::string self = fs::read_symlink("/proc/self/exe").string();
  fmt::print("{} captions of 7 to 20 words, three references each\n", items);
  print("vega, index built", run({self, "--score", argv[1], one.string()}));
  const Cost ours = run({self, "--score", argv[1], captions.string()});
  print("vega", ours);
  if (argc > 2) {
    const Cost theirs = run({argv[2], script.string(), captions.string()});
    print("pycocoevalcap", theirs);
    fmt::print("{:.1f} x less processor time, {:.1f} x less wall time\n",
               theirs.processor_s / ours.processor_s, theirs.wall_s / ours.wall_s);
  }
  fs::remove_all(folder);
  return 0;
}
