// The other side of bench_train: transformers and peft in Python.
#pragma once

namespace vega::bench {

// Arguments: folder, type, device, tokens, targets, rank, threads. Prints a line when it is ready,
// then answers each line on stdin with one of JSON. "facts": {trained, frozen} (elements),
// attention, checkpointing. "step": seconds on the clock and of processor time, the loss, and on
// CUDA the most bytes that the allocator held during the step and those before the first one (else
// -1). The file has one layer's weights: every layer has these.
inline constexpr const char* kTrainScript = R"(import json, re, sys, time
import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import load_file
from transformers import AutoConfig, AutoModelForCausalLM
folder, dtype, device = sys.argv[1], getattr(torch, sys.argv[2]), torch.device(sys.argv[3])
tokens, targets, rank, threads = map(int, sys.argv[4:8])
torch.set_num_threads(threads)
cuda = device.type == "cuda"
torch.set_default_dtype(dtype)
with device:
    model = AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(folder), attn_implementation="sdpa")
torch.set_default_dtype(torch.float32)
start = load_file(folder + "/model.safetensors")
with torch.no_grad():
    for name, parameter in model.named_parameters():
        parameter.copy_(start[re.sub(r"layers\.\d+\.", "layers.0.", name)])
names = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
model = get_peft_model(model, LoraConfig(r=rank, lora_alpha=16, lora_dropout=0.0, target_modules=names, task_type="CAUSAL_LM"))
start = load_file(folder + "/adapter.safetensors")
for name, parameter in model.named_parameters():
    if "lora_" in name:
        parameter.data = start[name.removeprefix("base_model.model.").replace(".default", "")].to(device)
del start
model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
model.enable_input_require_grads()
model.train()
trained = [p for p in model.parameters() if p.requires_grad]
frozen = [p for p in model.parameters() if not p.requires_grad]
assert all(p.dtype == dtype for p in frozen) and all(p.dtype == torch.float32 for p in trained)
optimiser = torch.optim.AdamW(trained, lr=1e-3, weight_decay=0.0, fused=True)
vocab = model.config.vocab_size
ids = torch.tensor([[7919 * i % 151000 % vocab for i in range(tokens)]], device=device)
labels = ids.clone()
labels[:, : tokens - targets] = -100
sync = torch.cuda.synchronize if cuda else lambda: None
before = torch.cuda.memory_allocated() if cuda else -1
print("ready", flush=True)
for line in sys.stdin:
    if line.strip() == "facts":
        print(json.dumps({"trained": sum(p.numel() for p in trained), "frozen": sum(p.numel() for p in frozen),
                          "attention": model.config._attn_implementation, "checkpointing": bool(model.is_gradient_checkpointing)}), flush=True)
        continue
    if cuda:
        torch.cuda.reset_peak_memory_stats()
    sync()
    wall, busy = time.perf_counter(), time.process_time()
    with torch.autocast(device.type, dtype=dtype, enabled=dtype != torch.float32):
        loss = model(input_ids=ids, labels=labels, use_cache=False).loss
    loss.backward()
    torch.nn.utils.clip_grad_norm_(trained, 1.0)
    optimiser.step()
    optimiser.zero_grad()
    value = float(loss.detach())
    sync()
    most = torch.cuda.max_memory_allocated() if cuda else -1
    print(json.dumps([time.perf_counter() - wall, time.process_time() - busy, value, most, before]), flush=True)
)";

}  // namespace vega::bench
