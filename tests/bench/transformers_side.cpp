#include "bench/transformers_side.h"

#include <fmt/core.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

#include "base/error.h"
#include "base/json.h"

namespace vega::bench {
namespace {

// Works on orders on stdin, "prefill" or "decode"; answers each with a line of JSON: seconds on the
// clock, seconds of processor time, greedy ids.
constexpr const char* kScript = R"(import json, sys, time
import torch
from transformers import Qwen2ForCausalLM
folder, dtype, tokens, new, threads = sys.argv[1], getattr(torch, sys.argv[2]), *map(int, sys.argv[3:6])
torch.set_num_threads(threads)
model = Qwen2ForCausalLM.from_pretrained(folder, dtype=dtype).eval().requires_grad_(False)
ids = torch.tensor([[7919 * i % 151000 for i in range(tokens)]])
past = None
with torch.inference_mode():
    model(ids[:, :8])
    print("ready", flush=True)
    for line in sys.stdin:
        if line.strip() == "prefill":
            past = None
            start, busy = time.perf_counter(), time.process_time()
            out = model(ids, use_cache=True, logits_to_keep=1)
            seconds, busy = time.perf_counter() - start, time.process_time() - busy
            past, logits = out.past_key_values, out.logits
            print(json.dumps([seconds, busy, [int(logits[0, -1].argmax())]]), flush=True)
        else:
            token, answer = logits[:, -1].argmax(-1, keepdim=True), []
            start, busy = time.perf_counter(), time.process_time()
            for _ in range(new):
                out = model(token, past_key_values=past, use_cache=True)
                token = out.logits[:, -1].argmax(-1, keepdim=True)
                answer.append(int(token))
            print(json.dumps([time.perf_counter() - start, time.process_time() - busy, answer]), flush=True)
)";

}  // namespace

Transformers::Transformers(const TransformersPlan& plan) {
  const std::filesystem::path script = plan.folder / "side.py";
  std::ofstream(script) << kScript;
  int down[2], up[2];
  if (pipe(down) != 0 || pipe(up) != 0) throw InputError("no pipes");
  child_ = fork();
  if (child_ == 0) {
    dup2(down[0], 0);
    dup2(up[1], 1);
    for (const int end : {down[0], down[1], up[0], up[1]}) close(end);
    const std::string name = plan.type == at::kFloat ? "float32" : "bfloat16",
                      tokens = std::to_string(plan.tokens), fresh = std::to_string(plan.fresh),
                      threads = std::to_string(plan.threads);
    execlp(plan.python.c_str(), plan.python.c_str(), script.c_str(), plan.folder.c_str(),
           name.c_str(), tokens.c_str(), fresh.c_str(), threads.c_str(), nullptr);
    _exit(127);
  }
  close(down[0]);
  close(up[1]);
  to_ = fdopen(down[1], "w");
  from_ = fdopen(up[0], "r");
  read_line();  // ready
}

Transformers::~Transformers() {
  std::fclose(to_);
  std::fclose(from_);
  waitpid(child_, nullptr, 0);
}

Round Transformers::order(const std::string& what) {
  fmt::print(to_, "{}\n", what);
  std::fflush(to_);
  const auto json = parse_json(read_line());
  if (!json) throw InputError("transformers: no answer");
  Round round{{(*json)[0].number().value_or(0), (*json)[1].number().value_or(0)}, {}};
  for (const Json& id : (*json)[2].elements()) round.ids.push_back(id.whole().value_or(-1));
  return round;
}

std::string Transformers::read_line() {
  std::string line;
  for (int c; (c = std::fgetc(from_)) != EOF && c != '\n';) line += static_cast<char>(c);
  if (line.empty()) throw InputError("transformers: ended; its messages stand above");
  return line;
}

}  // namespace vega::bench
