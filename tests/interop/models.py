"""Models to and from transformers and peft: models.py BIN FOLDER (made by run.sh).

A made-up VEGA-3D checkpoint; its language half as transformers' Qwen2; adapters that peft itself writes, with drawn
values. Each goes through vega-train import and export, and gives the same logits on the other side.
"""
import json
import subprocess
import sys
import warnings
from pathlib import Path

import peft
import torch
import transformers
from safetensors.torch import load_file

warnings.filterwarnings("ignore")
transformers.logging.set_verbosity_error()
transformers.logging.disable_progress_bar()
programs, folder = Path(sys.argv[1]), Path(sys.argv[2])
checks = 0
IDS = torch.arange(40).reshape(2, 20) * 7 % 256


def run(program, *words):
    done = subprocess.run([programs / program, *map(str, words), "--log-level", "warn"], capture_output=True, text=True)
    assert done.returncode == 0, f"{program} {' '.join(map(str, words))}: exit {done.returncode}\n{done.stderr}"


def language_config(path):
    said = json.loads((path / "config.json").read_text())
    names = ["vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads",
             "num_key_value_heads", "max_position_embeddings", "rms_norm_eps", "rope_theta", "tie_word_embeddings"]
    return transformers.Qwen2Config(**{name: said[name] for name in names if name in said})


def qwen2(path, dtype=torch.float32):
    """The language half of a checkpoint in transformers, by from_pretrained, strictly for its own tensors."""
    model, info = transformers.Qwen2ForCausalLM.from_pretrained(
        path, config=language_config(path), dtype=dtype, output_loading_info=True)
    assert not info["missing_keys"], info["missing_keys"]
    return model.eval()


def logits(model):
    with torch.no_grad():
        return model(IDS).logits.float()


def close(what, got, expected, merged=True):
    """Equal, but where pairs were merged: float32 then rounds other sums, of as many terms as the model is wide."""
    global checks
    checks += 1
    bar = WIDTH * 2.0**-24 * expected.abs().max().item() if merged else 0
    difference = (got - expected).abs().max().item()
    print(f"  {what}: largest logit {expected.abs().max().item():.3g}, largest difference {difference:.2g}")
    assert difference <= bar, f"{what}: {difference}, at most {bar}"
    assert expected.abs().max().item() > 0.1


def same_files(what, got, expected):
    global checks
    checks += 1
    assert sorted(got) == sorted(expected), f"{what}: {sorted(set(got) ^ set(expected))}"
    for name, value in expected.items():
        assert got[name].dtype == value.dtype and torch.equal(got[name], value), f"{what}: {name}"


def adapter(base, name, **settings):
    """What peft writes of an adapter with drawn values, and its logits."""
    torch.manual_seed(7)
    model = peft.get_peft_model(qwen2(base), peft.LoraConfig(task_type="CAUSAL_LM", **settings))
    with torch.no_grad():
        for key, value in model.named_parameters():
            if value.requires_grad:
                value.copy_(value + 0.05 * torch.randn_like(value))
    model.peft_config["default"].base_model_name_or_path = str(base)
    model.save_pretrained(folder / name, save_embedding_layers=False)
    return logits(model.eval())


base = folder / "vlm-tiny"
run("vega-synth", "model", "--preset", "vlm-tiny", "-o", base, "--progress", "off")
WIDTH = language_config(base).hidden_size
before = logits(qwen2(base))
linears = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]

print("a whole model:")
run("vega-train", "import", base, "-o", folder / "whole")
run("vega-train", "export", folder / "whole", "-o", folder / "whole-hf", "--dtype", "fp32", "--shard-size", "1MB")
close("import, export, transformers", logits(qwen2(folder / "whole-hf")), before, merged=False)
run("vega-train", "export", folder / "whole", "-o", folder / "whole-bf16")
wide, narrow = qwen2(base).to(torch.bfloat16).state_dict(), qwen2(folder / "whole-bf16", torch.bfloat16).state_dict()
same_files("bf16 is what transformers rounds to", dict(narrow), dict(wide))

cases = {
    "plain": dict(r=4, lora_alpha=8, target_modules=linears),
    "stabilised": dict(r=4, lora_alpha=6, use_rslora=True, target_modules=linears),
    "patterns": dict(r=4, lora_alpha=8, target_modules=["q_proj", "up_proj"], rank_pattern={"up_proj": 2},
                     alpha_pattern={r"layers\.1\..*": 3, "q_proj": 5}),
    "rows": dict(r=4, lora_alpha=8, target_modules=linears, trainable_token_indices=[7, 14, 260]),
    "saved": dict(r=4, lora_alpha=8, target_modules=linears, modules_to_save=["lm_head"]),
    "biases": dict(r=4, lora_alpha=8, target_modules=["q_proj", "k_proj"], bias="lora_only"),
}
for name, settings in cases.items():
    print(f"an adapter of peft {peft.__version__}, {name}:")
    wanted = adapter(base, name, **settings)
    assert (wanted - before).abs().max() > 0.05, "the adapter changes nothing"
    run("vega-train", "import", folder / name, "-o", folder / f"{name}-run")
    run("vega-train", "export", folder / f"{name}-run", "-o", folder / f"{name}-hf", "--dtype", "fp32")
    close("import, export hf, transformers", logits(qwen2(folder / f"{name}-hf")), wanted)
    run("vega-train", "export", folder / f"{name}-run", "-o", folder / f"{name}-peft", "--layout", "peft")
    again = peft.PeftModel.from_pretrained(qwen2(base), folder / f"{name}-peft").eval()
    close("import, export peft, peft", logits(again), wanted, merged=False)
    same_files("its tensors", load_file(folder / f"{name}-peft/adapter_model.safetensors"),
               load_file(folder / name / "adapter_model.safetensors"))
print(f"models.py: {checks} checks, transformers {transformers.__version__}, peft {peft.__version__}")
