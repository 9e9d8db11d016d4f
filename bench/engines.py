"""Engines for the same network on this CPU: torch, torchao, ONNX Runtime and OpenVINO, each in what it can compute in.

Run: ``python bench/engines.py [--rounds N] [--size base|tiny] [--mix mixed] [--out FILE]``, in an environment of its
own that also has onnx, onnxscript, onnxruntime, openvino and torchao: `bench/README.md` says how to make one. What is
not installed is a row that says so. Every engine gets the same padded batches of like lengths.
"""

from __future__ import annotations

import sys
import tempfile
import warnings
from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

sys.path.append(str(Path(__file__).parents[1]))  # `bench` itself, when this file is run by its path

from bench.checkpoints import LENGTHS, Size, add_size, asked, cross_encoder
from bench.measuring import machine, options, percentile_ms, print_table, ratio, record, take_turns
from quincunx.retrieval.models.passes.cutting import batches

Batch = tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]
"""Token ids and mask, both (batch, longest pair)."""
Run = Callable[[Batch], npt.NDArray[Any]]
"""Returns logits, shape (batch, 1)."""


class Engines:
    """Makes the engines out of one checkpoint; the ONNX file is exported once, when an engine asks for it."""

    def __init__(self, folder: Path, sample: Batch, scratch: Path) -> None:
        self._folder, self._sample, self._scratch = folder, sample, scratch

    def torch(self, attention: str = "sdpa", **kwargs: Any) -> Any:
        from transformers import AutoModelForSequenceClassification

        auto: Any = AutoModelForSequenceClassification
        return auto.from_pretrained(
            self._folder, dtype=torch.float32, attn_implementation=attention, **kwargs
        ).eval()

    def onnx(self) -> Path:
        import_module("onnx")
        path = self._scratch / "fp32.onnx"
        if not path.exists():
            ids, mask = (torch.from_numpy(part) for part in self._sample)
            free = {
                0: torch.export.Dim("batch", min=1, max=64),
                1: torch.export.Dim("tokens", min=8, max=512),
            }
            torch.onnx.export(
                _Logits(self.torch("eager")),
                (ids, mask),
                str(path),
                input_names=["input_ids", "attention_mask"],
                output_names=["logits"],
                dynamic_shapes={"input_ids": free, "attention_mask": free},
                dynamo=True,
                verbose=False,
            )
        return path

    def onnx_int8(self) -> Path:
        quantization: Any = import_module("onnxruntime.quantization")
        path = self._scratch / "int8.onnx"
        if not path.exists():
            # The exporter leaves shapes in the file that the quantiser's own inference then contradicts.
            onnx: Any = import_module("onnx")
            model = onnx.load(str(self.onnx()))
            del model.graph.value_info[:]
            bare = self._scratch / "bare.onnx"
            onnx.save(model, str(bare))
            quantization.quantize_dynamic(
                str(bare), str(path), weight_type=quantization.QuantType.QInt8, per_channel=True
            )
        return path

    def every(self) -> dict[str, Callable[[], Run]]:
        """Return how each is made, by its name; the first is the unit of the ratios."""
        return {
            "torch fp32": lambda: _of_torch(self.torch()),
            "torch bf16": lambda: _of_torch(self.torch().to(torch.bfloat16)),
            "torch.ao dynamic int8": lambda: _of_torch(_quantized_by_torch(self.torch())),
            "torchao dynamic int8": lambda: _of_torch(_quantized_by_torchao(self.torch())),
            "torchao dynamic int8, compiled": lambda: _of_torch(
                torch.compile(_quantized_by_torchao(self.torch()), dynamic=True)
            ),
            "ONNX Runtime fp32": lambda: _of_onnxruntime(self.onnx()),
            "ONNX Runtime dynamic int8": lambda: _of_onnxruntime(self.onnx_int8()),
            "OpenVINO f32": lambda: _of_openvino(self.onnx(), "f32"),
            "OpenVINO bf16": lambda: _of_openvino(self.onnx(), "bf16"),
            "OpenVINO, ONNX Runtime's int8 file": lambda: _of_openvino(self.onnx_int8(), "f32"),
        }


class _Logits(torch.nn.Module):
    def __init__(self, network: Any) -> None:
        super().__init__()
        self.network = network

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.network(input_ids=input_ids, attention_mask=attention_mask).logits
        return logits


def _quantized_by_torch(network: Any) -> Any:
    quantize: Any = torch.ao.quantization.quantize_dynamic
    return quantize(network, {torch.nn.Linear}, dtype=torch.qint8)


def _quantized_by_torchao(network: Any) -> Any:
    torchao: Any = import_module("torchao.quantization")
    torchao.quantize_(network, torchao.Int8DynamicActivationInt8WeightConfig())
    return network


def _of_torch(network: Any) -> Run:
    def run(batch: Batch) -> npt.NDArray[Any]:
        ids, mask = (torch.from_numpy(part) for part in batch)
        with torch.inference_mode():
            logits: npt.NDArray[Any] = network(input_ids=ids, attention_mask=mask).logits.float().numpy()
        return logits

    return run


def _of_onnxruntime(path: Path) -> Run:
    onnxruntime: Any = import_module("onnxruntime")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    # Threads that spin while they wait would take the cores from the engine whose turn is next.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])

    def run(batch: Batch) -> npt.NDArray[Any]:
        logits: npt.NDArray[Any] = session.run(None, {"input_ids": batch[0], "attention_mask": batch[1]})[0]
        return logits

    return run


def _of_openvino(path: Path, precision: str) -> Run:
    openvino: Any = import_module("openvino")
    settings = {
        "INFERENCE_PRECISION_HINT": precision,
        "INFERENCE_NUM_THREADS": torch.get_num_threads(),
        "PERFORMANCE_HINT": "LATENCY",
    }
    compiled = openvino.Core().compile_model(str(path), "CPU", settings)

    def run(batch: Batch) -> npt.NDArray[Any]:
        return np.asarray(compiled(list(batch))[0], dtype=np.float32)

    return run


def encoded(folder: Path, mix: str, seed: int) -> list[Batch]:
    """Return the batches of one question's pairs, of which little is padding."""
    from transformers import XLMRobertaTokenizer

    tokenizer: Any = XLMRobertaTokenizer.from_pretrained(folder)
    rows = [tokenizer(*pair)["input_ids"] for pair in asked(mix, seed).pairs]
    made = []
    for places in batches([len(row) for row in rows]):
        longest = len(rows[places[0]])
        ids = np.full((len(places), longest), tokenizer.pad_token_id, dtype=np.int64)
        for line, place in enumerate(places):
            ids[line, : len(rows[place])] = rows[place]
        made.append((ids, (ids != tokenizer.pad_token_id).astype(np.int64)))
    return made


def main(arguments: list[str] | None = None) -> None:
    parser = options(__doc__)
    add_size(parser)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--mix", choices=list(LENGTHS), default="mixed")
    chosen = parser.parse_args(arguments)
    size: Size = chosen.size

    warnings.simplefilter("ignore")  # exporters and quantisers warn at length; what matters is in the table
    facts = machine()
    folder = cross_encoder(size)
    works = [encoded(folder, chosen.mix, seed) for seed in range(1 + chosen.rounds)]
    with tempfile.TemporaryDirectory() as scratch:
        runs, absent = _load(Engines(folder, works[0][0], Path(scratch)), works[0])
        said: dict[str, list[float]] = {name: [] for name in runs}

        def contestant(name: str) -> Callable[[Sequence[Batch]], None]:
            return lambda work: said[name].extend(
                float(value) for batch in work for value in np.ravel(runs[name](batch))
            )

        seconds = take_turns({name: contestant(name) for name in runs}, works[0], works[1:])
    unit = next(iter(runs))
    figures: dict[str, Any] = {name: {"absent": reason} for name, reason in absent.items()}
    for name in runs:
        figures[name] = {
            "p50_ms": percentile_ms(seconds[name], 0.5),
            "ratio_vs_torch_fp32": ratio(seconds[unit], seconds[name]),
            "correlation": float(np.corrcoef(said[name], said[unit])[0, 1]),
            "max_logit_difference": float(np.abs(np.subtract(said[name], said[unit])).max()),
        }
    rows = []
    for name in [*runs, *absent]:
        row = figures[name]
        cells = [f"{row['p50_ms']:.0f}", f"{row['ratio_vs_torch_fp32']:.2f}×"] if name in runs else ["–", "–"]
        cells += [f"{row['correlation']:.5f}"] if name in runs else [row["absent"]]
        rows.append([name, *cells])
    libraries = {name: _version(name) for name in ("torchao", "onnxruntime", "openvino")}
    title = f"**engines**, {chosen.mix}, {chosen.rounds} rounds; " + ", ".join(
        map(" ".join, libraries.items())
    )
    print_table(title, ["engine", "p50 ms", "faster than torch fp32", "correlation"], rows)
    record(chosen.out, "engines", {chosen.mix: figures, "libraries": libraries, "size": size}, facts)


def _load(engines: Engines, warm: Sequence[Batch]) -> tuple[dict[str, Run], dict[str, str]]:
    """Return the engines that run here, and of the others why they do not."""
    runs: dict[str, Run] = {}
    absent: dict[str, str] = {}
    for name, make in engines.every().items():
        try:
            run = make()
            for batch in warm:
                run(batch)
            runs[name] = run
        except ModuleNotFoundError as error:
            absent[name] = f"not installed ({error.name})"
        except Exception as error:  # noqa: BLE001  # an engine that fails is a row of the table, not the end of it
            absent[name] = f"{type(error).__name__}: {' '.join(str(error).split())[:120]}"
    return runs, absent


def _version(distribution: str) -> str:
    try:
        return version(distribution)
    except ModuleNotFoundError:
        return "not installed"


if __name__ == "__main__":
    main()
