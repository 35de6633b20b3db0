// The tokeniser beside the `tokenizers` package, on the same texts, one core each, in one run:
//   bench_tokenizer TOKENIZER [PYTHON [MEGABYTES]]
// TOKENIZER: a tokenizer.json or its folder (Qwen2's, say); PYTHON: an interpreter that has
// tokenizers (absent: vega alone); MEGABYTES of each kind of text: 8. Opening the file is timed
// apart.
//   bench_tokenizer --ids TOKENIZER
// reads texts from stdin and writes, for each, ids and decoded texts with and without special
// tokens, for tests/golden/export_tokenizer.py --compare. Every text and list has its size before
// it (uint32).
#include <fmt/core.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <random>
#include <string>
#include <vector>

#include "text/tokenizer.h"

namespace {

namespace fs = std::filesystem;
using vega::text::Control;
using vega::text::Tokenizer;

constexpr const char* kScript = R"(import os, sys, time
os.environ["TOKENIZERS_PARALLELISM"] = "false"
from tokenizers import Tokenizer
start = time.perf_counter()
tokenizer = Tokenizer.from_file(sys.argv[1])
print("open %.0f ms" % (1000 * (time.perf_counter() - start)))
for path in sys.argv[2:]:
    data = open(path, "rb").read()
    texts = data.decode().split("\0")
    best = 1e9
    for _ in range(3):
        start = time.perf_counter()
        ids = sum(len(tokenizer.encode(t, add_special_tokens=False).ids) for t in texts)
        best = min(best, time.perf_counter() - start)
    print("%-10s %8.1f MB/s %10d ids" % (os.path.basename(path), len(data) / 1e6 / best, ids), flush=True)
)";

using Words = std::vector<std::string>;

const Words kEnglish{"the",     "brown",    "chair's", "next",      "to",       "table",
                     "window",  "Identify", "object",  "according", "isn't",    "left",
                     "right,",  "door.",    "shelves", "between",   "monitors", "(second)",
                     "corner;", "standing", "12",      "3.5",       "cabinet",  "behind"};
const Words kScripts{"der Stuhl", "größer",       "fenêtre",    "déjà",
                     "стул",      "окна.",        "коричневый", "椅子在窗户旁边。",
                     "房间里",    "茶色い椅子",   "あります。", "의자가",
                     "창문",      "الكرسي",       "بجانب",      "कुर्सी",
                     "खिड़की",     "🙂👍🏽", "नमस्ते",       "ไทย",
                     "ελληνικά",  "שלום",         "naïve",      "½ €"};
const Words kCode{"def forward(self, x):\n",
                  "    return self.head(x) + 1\n",
                  "for (int i = 0; i < n; ++i) {\n",
                  "}\n\n",
                  "\t\tfoo->bar[12345] = 0x7f;\n",
                  "http://a.b/c?d=e&f#g ",
                  "\"key\": [1, 2.5],\r\n",
                  "// ---------\n",
                  "x_1 ",
                  "assert a == b  # equal\n"};

// Texts of about 2 kB, a zero byte between them. One word in five is made up, so that not all come
// from memory.
std::string texts_of(const std::vector<const Words*>& kinds, std::size_t bytes, unsigned seed) {
  std::mt19937_64 random(seed);
  std::string out;
  for (std::size_t begin = 0; out.size() < bytes;) {
    const Words& words = *kinds[random() % kinds.size()];
    for (int n = 0; n < 12; ++n) {
      out += words[random() % words.size()];
      if (random() % 5 == 0)
        for (std::uint64_t k = 2 + random() % 8; k > 0; --k)
          out += static_cast<char>('a' + random() % 26);
      out += ' ';
    }
    if (out.size() - begin > 2000) out += '\0', begin = out.size();
  }
  return out;
}

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

void measure(const Tokenizer& tokenizer, const char* name, const std::string& all) {
  double best = 1e9, decoding = 1e9;
  std::size_t ids = 0;
  for (int run = 0; run < 3; ++run) {
    std::vector<std::vector<std::int32_t>> lists;
    const auto start = std::chrono::steady_clock::now();
    for (std::size_t at = 0; at < all.size();) {
      const std::size_t end = std::min(all.find('\0', at), all.size());
      lists.push_back(
          tokenizer.encode(std::string_view(all).substr(at, end - at), Control::kTokens));
      at = end + 1;
    }
    best = std::min(best, seconds_since(start));
    const auto middle = std::chrono::steady_clock::now();
    std::size_t bytes = 0;
    ids = 0;
    for (const auto& list : lists) bytes += tokenizer.decode(list, true).size(), ids += list.size();
    decoding = std::min(decoding, seconds_since(middle));
    if (bytes == 0) std::abort();
  }
  const double megabytes = static_cast<double>(all.size()) / 1e6;
  fmt::print("{:10} {:8.1f} MB/s {:10} ids, decoded at {:.0f} MB/s\n", name, megabytes / best, ids,
             megabytes / decoding);
}

void put(std::uint32_t size, const void* data, std::size_t bytes) {
  std::fwrite(&size, sizeof size, 1, stdout);
  std::fwrite(data, 1, bytes, stdout);
}

int write_ids(const fs::path& path) {
  const Tokenizer tokenizer = Tokenizer::open(path);
  std::uint32_t size = 0;
  for (std::string text; std::fread(&size, sizeof size, 1, stdin) == 1;) {
    text.resize(size);
    if (std::fread(text.data(), 1, size, stdin) != size) return 1;
    const auto ids = tokenizer.encode(text, Control::kTokens);
    put(static_cast<std::uint32_t>(ids.size()), ids.data(), 4 * ids.size());
    for (const bool skip : {false, true}) {
      const std::string back = tokenizer.decode(ids, skip);
      put(static_cast<std::uint32_t>(back.size()), back.data(), back.size());
    }
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 3 && std::strcmp(argv[1], "--ids") == 0) return write_ids(argv[2]);
  if (argc < 2) {
    fmt::print(stderr, "bench_tokenizer TOKENIZER [PYTHON [MEGABYTES]]\n");
    return 2;
  }
  const std::size_t bytes = (argc > 3 ? std::strtoul(argv[3], nullptr, 10) : 8) * 1000000;
  const std::vector<std::pair<const char*, std::string>> texts{
      {"english", texts_of({&kEnglish}, bytes, 1)},
      {"scripts", texts_of({&kScripts}, bytes, 2)},
      {"code", texts_of({&kCode}, bytes, 3)},
      {"mixed", texts_of({&kEnglish, &kScripts, &kCode}, bytes, 4)},
      {"blanks", std::string(bytes, ' ')},
      {"one word", std::string(bytes / 8, 'A')}};
  const auto start = std::chrono::steady_clock::now();
  const Tokenizer tokenizer = Tokenizer::open(argv[1]);
  fmt::print("vega\nopen {:.0f} ms\n", 1000 * seconds_since(start));
  for (const auto& [name, text] : texts) measure(tokenizer, name, text);
  if (argc == 2) return 0;
  const fs::path folder = fs::temp_directory_path() / fmt::format("vega-bench-{}", getpid());
  fs::create_directories(folder);
  fs::path file = argv[1];
  if (fs::is_directory(file)) file /= "tokenizer.json";
  std::string command =
      fmt::format("'{}' '{}' '{}'", argv[2], (folder / "side.py").string(), file.string());
  std::ofstream(folder / "side.py") << kScript;
  for (const auto& [name, text] : texts) {
    std::ofstream(folder / name, std::ios::binary) << text;
    command += fmt::format(" '{}'", (folder / name).string());
  }
  fmt::print("tokenizers package\n");
  std::fflush(stdout);
  const int status = std::system(command.c_str());
  fs::remove_all(folder);
  return status == 0 ? 0 : 1;
}
