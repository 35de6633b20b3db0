#include "bench/transformers_side.h"

#include <fstream>

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

std::vector<std::string> command(const TransformersPlan& plan) {
  const std::filesystem::path script = plan.folder / "side.py";
  std::ofstream(script) << kScript;
  return {plan.python,
          script.string(),
          plan.folder.string(),
          plan.type == at::kFloat ? "float32" : "bfloat16",
          std::to_string(plan.tokens),
          std::to_string(plan.fresh),
          std::to_string(plan.threads)};
}

}  // namespace

Transformers::Transformers(const TransformersPlan& plan)
    : process_("transformers", command(plan)) {}

Round Transformers::order(const std::string& what) {
  const Json answer = process_.order(what);
  Round round{{answer[0].number().value_or(0), answer[1].number().value_or(0)}, {}};
  for (const Json& id : answer[2].elements()) round.ids.push_back(id.whole().value_or(-1));
  return round;
}

}  // namespace vega::bench
