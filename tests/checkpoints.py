"""Tiny random checkpoints of the real architectures, saved as the real ones are, the same for the same seed.

The tokenizers are made from the words of a few sentences by rule: the training in `tokenizers` breaks its ties
by hash order, so two processes that train on the same text end with different vocabularies.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.modules import Normalize, Transformer
from sentence_transformers.sentence_transformer.modules import Pooling
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    BertTokenizer,
    ElectraConfig,
    ElectraForSequenceClassification,
    NomicBertConfig,
    NomicBertModel,
    PreTrainedModel,
    XLMRobertaConfig,
    XLMRobertaForSequenceClassification,
    XLMRobertaTokenizer,
)

SENTENCES = (
    "search_query: search_document: Which metal melts last?",
    "Tungsten melts at 3422 degrees, higher than any other metal.",
    "The capital of France is Paris, and the capital of Germany is Berlin.",
    "Revenue rose by 12 percent in the third quarter of 2019.",
    "A cat sat on the mat; the dog did not.",
)
WORDS = tuple(sorted({word for text in SENTENCES for word in re.findall(r"\w+", text)}))
CHARACTERS = tuple(chr(code) for code in range(33, 127))


def nomic(
    folder: Path, *, seed: int = 0, hidden: int = 768, layers: int = 1, max_positions: int = 2048
) -> Path:
    """Save a sentence-transformers folder like nomic-embed-text v1.5's: encoder and mean pooling, no Normalize."""
    vocabulary = _wordpiece_vocabulary()
    config = NomicBertConfig(
        vocab_size=len(vocabulary),
        hidden_size=hidden,
        num_hidden_layers=layers,
        num_attention_heads=4,
        intermediate_size=64,
        max_position_embeddings=max_positions,
        initializer_range=0.1,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        _save(NomicBertModel(config), BertTokenizer(vocab=vocabulary), folder / "encoder")
    model = SentenceTransformer(
        modules=[
            Transformer(str(folder / "encoder")),
            Pooling(hidden, pooling_mode="mean"),
        ],
        device="cpu",
    )
    model.save(str(folder / "model"), create_model_card=False)
    return folder / "model"


def text_encoder(
    folder: Path,
    configuration: Callable[..., Any],
    network: Callable[[Any], PreTrainedModel],
    pooling: str = "mean",
) -> Path:
    """Save a sentence-transformers folder of an encoder of this architecture, with this pooling and Normalize."""
    vocabulary = _wordpiece_vocabulary()
    config = _small(configuration, vocabulary, max_position_embeddings=256, pad_token_id=0)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        _save(network(config), BertTokenizer(vocab=vocabulary), folder / "encoder")
    encoder = Transformer(str(folder / "encoder"))
    encoder.max_seq_length = 250  # RoBERTa counts from behind its padding id
    model = SentenceTransformer(
        modules=[encoder, Pooling(32, pooling_mode=pooling), Normalize()], device="cpu"
    )
    model.save(str(folder / "model"), create_model_card=False)
    return folder / "model"


def nomic_with_experts(folder: Path) -> Path:
    """Save a folder like nomic-embed-text-v2-moe's: the same model_type, layers that the native class lacks.

    Its weights are unreadable, so that a test sees whether anybody tried.
    """
    folder.mkdir(parents=True)
    config = {"model_type": "nomic_bert", "num_experts": 8, "moe_every_n_layers": 2, "moe_top_k": 2}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "model.safetensors").write_bytes(b"unreadable")
    return folder


def bge(folder: Path, *, seed: int = 0, max_positions: int = 514, labels: int = 1) -> Path:
    """Save an XLM-R sequence classifier like bge's rerankers; ``max_positions`` holds two reserved ones."""
    words = [(f"▁{word}", -4.0 - i / 100) for i, word in enumerate(WORDS)]
    characters = [(character, -12.0) for character in CHARACTERS]
    special = [(token, 0.0) for token in ("<s>", "<pad>", "</s>", "<unk>")]
    pieces = [*special, ("▁", -10.0), *words, *characters, ("<mask>", 0.0)]
    config = XLMRobertaConfig(
        vocab_size=len(pieces),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=max_positions,
        type_vocab_size=1,
        pad_token_id=1,
        bos_token_id=0,
        eos_token_id=2,
        initializer_range=0.5,
    )
    config.num_labels = labels
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = XLMRobertaForSequenceClassification(config)
    return _save(model, XLMRobertaTokenizer(vocab=pieces, model_max_length=max_positions - 2), folder)


def bert_reranker(folder: Path, *, seed: int = 0) -> Path:
    """Save a BERT sequence classifier, whose pairs have two segments (XLM-R's have one)."""
    return _two_segments(folder, BertConfig, BertForSequenceClassification, seed)


def electra_reranker(folder: Path, *, seed: int = 0) -> Path:
    """Save a classifier of another architecture, which is read in padded batches."""
    return _two_segments(folder, ElectraConfig, ElectraForSequenceClassification, seed)


def _two_segments(
    folder: Path,
    configuration: Callable[..., Any],
    classifier: Callable[[Any], PreTrainedModel],
    seed: int,
) -> Path:
    vocabulary = _wordpiece_vocabulary()
    config = _small(configuration, vocabulary, max_position_embeddings=128)
    config.num_labels = 1
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = classifier(config)
    return _save(model, BertTokenizer(vocab=vocabulary), folder)


def _small(configuration: Callable[..., Any], vocabulary: dict[str, int], **more: int) -> Any:
    return configuration(
        vocab_size=len(vocabulary),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        initializer_range=0.5,
        **more,
    )


def _wordpiece_vocabulary() -> dict[str, int]:
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    characters = sorted({character.lower() for character in CHARACTERS})
    words = sorted({word.lower() for word in WORDS} - set(characters))
    pieces = [*special, *characters, *(f"##{character}" for character in characters), *words]
    return {piece: i for i, piece in enumerate(pieces)}


def _save(model: PreTrainedModel, tokenizer: BertTokenizer | XLMRobertaTokenizer, folder: Path) -> Path:
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
