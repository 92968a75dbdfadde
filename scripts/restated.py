"""Networks that no package of a reasonable size has, restated in PyTorch from their published description.

They are what the specs of the same names are compared with: written from the paper, or from the configuration that it
comes with, as plain layers and not as the specs are. Of packages that have the network, but make more of it or give it
in another order, `retinanet`, `nested_unet`, `bert`, `gpt2`, `llama` and `t5` take the layers.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

PACKAGES = {"retinanet": "torchvision", "nested_unet": "monai"}
PACKAGES |= dict.fromkeys(("bert", "gpt2", "llama", "t5"), "transformers")
"""Whose layers they are, where they are not PyTorch's."""

# --- RetinaNet (torchvision) -----------------------------------------------------------------


class RetinaNetMaps(nn.Module):
    """torchvision's backbone, pyramid and heads, without what makes lists of boxes of their maps."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.backbone, self.head = model.backbone, model.head

    def forward(self, image: Tensor) -> list[Tensor]:
        levels = list(self.backbone(image).values())
        classify, regress = self.head.classification_head, self.head.regression_head
        scores = [classify.cls_logits(classify.conv(level)) for level in levels]
        return scores + [regress.bbox_reg(regress.conv(level)) for level in levels]


def retinanet(name: str) -> RetinaNetMaps:
    from torchvision.models import get_model

    return RetinaNetMaps(get_model(name, weights=None, weights_backbone=None))


# --- U-Net++ (MONAI) -------------------------------------------------------------------------


class DeepestFirst(nn.Module):
    """A network with a list of answers, with the last of them first."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, image: Tensor) -> list[Tensor]:
        *others, last = self.model(image)
        return [last, *others]


def nested_unet() -> DeepestFirst:
    """MONAI's network as published: no normalization. Its default widths are those whose channels are the paper's."""
    from monai.networks.nets import BasicUNetPlusPlus

    return DeepestFirst(BasicUNetPlusPlus(2, 3, 1, deep_supervision=True, act="relu", norm=None))


# --- BERT, GPT-2, LLaMA and T5 (transformers) ------------------------------------------------


class Read(nn.Module):
    """A model of transformers, called with texts alone, and of its answers the one that is named, channels first."""

    def __init__(self, model: nn.Module, answer: str, *texts: str) -> None:
        super().__init__()
        self.model, self.answer, self.texts = model, answer, texts

    def forward(self, *texts: Tensor) -> Tensor:
        answer: Tensor = getattr(self.model(**dict(zip(self.texts, texts, strict=True))), self.answer)
        return answer.transpose(1, 2) if answer.dim() == 3 else answer


def bert(**sizes: Any) -> Read:
    """The encoder with its pooler. All words are learned, also the one that transformers keeps for padding."""
    from transformers import BertConfig, BertModel

    model = BertModel(BertConfig(pad_token_id=None, **sizes))
    return Read(model, "pooler_output", "input_ids", "token_type_ids")


def gpt2(**sizes: Any) -> Read:
    """The model with its head. Its layers hold transposed matrices; here they are PyTorch's linear layers."""
    from transformers import GPT2Config, GPT2LMHeadModel
    from transformers.pytorch_utils import Conv1D

    model = GPT2LMHeadModel(GPT2Config(use_cache=False, **sizes))
    for name, layer in list(model.named_modules()):
        if isinstance(layer, Conv1D):
            model.set_submodule(name, nn.Linear(*layer.weight.shape))
    return Read(model, "logits", "input_ids")


def llama(**sizes: Any) -> Read:
    from transformers import LlamaConfig, LlamaForCausalLM

    return Read(LlamaForCausalLM(LlamaConfig(use_cache=False, **sizes)), "logits", "input_ids")


def t5(**sizes: Any) -> Read:
    """The encoder and the decoder with its head."""
    from transformers import T5Config, T5ForConditionalGeneration

    model = T5ForConditionalGeneration(T5Config(use_cache=False, **sizes))
    return Read(model, "logits", "input_ids", "decoder_input_ids")


# --- Residual U-Net --------------------------------------------------------------------------


class ResUNet(nn.Module):
    def __init__(self, classes: int = 1) -> None:
        super().__init__()
        self.start = nn.Conv2d(3, 64, 3, padding=1)
        self.first = nn.Sequential(nn.BatchNorm2d(64), nn.ReLU(), nn.Conv2d(64, 64, 3, padding=1))
        self.beside = nn.Conv2d(3, 64, 1)
        self.down = nn.ModuleList(Unit(n, 2 * n, 2) for n in (64, 128, 256))
        self.up = nn.ModuleList(Unit(3 * n, n, 1) for n in (256, 128, 64))
        self.classify = nn.Conv2d(64, classes, 1)

    def forward(self, x: Tensor) -> Tensor:
        kept = [self.first(self.start(x)) + self.beside(x)]
        for level in self.down:
            kept.append(level(kept[-1]))
        x = kept.pop()
        for level in self.up:
            x = level(torch.cat([F.interpolate(x, scale_factor=2), kept.pop()], 1))
        return torch.sigmoid(self.classify(x))


class Unit(nn.Module):
    def __init__(self, before: int, channels: int, stride: int) -> None:
        super().__init__()
        self.norms = nn.ModuleList([nn.BatchNorm2d(before), nn.BatchNorm2d(channels)])
        self.convs = nn.ModuleList(
            [nn.Conv2d(before, channels, 3, stride, 1), nn.Conv2d(channels, channels, 3, padding=1)]
        )
        self.beside = nn.Conv2d(before, channels, 1, stride)

    def forward(self, x: Tensor) -> Tensor:
        y = x
        for norm, conv in zip(self.norms, self.convs, strict=True):
            y = conv(torch.relu(norm(y)))
        return y + self.beside(x)


# --- Siamese network -------------------------------------------------------------------------


class Siamese(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for before, channels, kernel in ((1, 64, 10), (64, 128, 7), (128, 128, 4), (128, 256, 4)):
            layers += [nn.Conv2d(before, channels, kernel), nn.ReLU(), nn.MaxPool2d(2)]
        layers[-1] = nn.Flatten()
        self.twin = nn.Sequential(*layers, nn.Linear(9216, 4096), nn.Sigmoid())
        self.same = nn.Linear(4096, 1)

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        a, b = self.twin(first), self.twin(second)
        return torch.sigmoid(self.same((a - b).abs()))
