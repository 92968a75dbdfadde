"""Networks with attention against public implementations that share no code with the compiler, in float64.

Each reference is made small, with random weights, which are copied into the emitted module: outputs and gradients are
then the same. So no import of the reference is trusted, as it is where the full sizes are proven (`docs/gallery.md`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from published import published
from torch import Tensor, nn

import archdsl
from archdsl.frontends.collections import declare_operators

declare_operators()
timm = pytest.importorskip("timm")
torchvision = pytest.importorskip("torchvision")
transformers = pytest.importorskip("transformers")
diffusers = pytest.importorskip("diffusers")

SIZE, WIDTH, HEADS, WORDS, VOCABULARY = 32, 24, 4, 12, 50


@dataclass(frozen=True)
class Pair:
    """A spec with its settings, a reference, and the reference's weights in the order of the emitted state dict.

    `call` runs the reference on the same inputs; its output is brought to the order channels first. The `tolerance` is
    larger where the reference computes in part in single precision, as LLaMA's does the tables of its rotations, and
    T5's the statistics of its normalizations.
    """

    spec: str
    settings: dict[str, Any]
    made: Callable[[], nn.Module]
    weights: Callable[[nn.Module], Iterator[Tensor]]
    call: Callable[[nn.Module, Sequence[Tensor]], Tensor]
    tolerance: float = 1e-9

    def __str__(self) -> str:
        return self.spec


def each(module: nn.Module, *names: str) -> Iterator[Tensor]:
    """The weight, and the bias if there is one, of each of the modules with these names."""
    for name in names:
        yield from module.get_submodule(name).parameters()


def all_of(module: nn.Module) -> Iterator[Tensor]:
    yield from module.parameters()


# --- images ------------------------------------------------------------------------------------


def torchvision_vit() -> nn.Module:
    made = torchvision.models.VisionTransformer(SIZE, 8, 2, HEADS, WIDTH, 4 * WIDTH, num_classes=10)
    nn.init.normal_(made.heads.head.weight)  # torchvision starts it at 0
    return made


def vit_weights(vit: nn.Module) -> Iterator[Tensor]:
    yield from (vit.class_token, vit.encoder.pos_embedding)
    yield from each(vit, "conv_proj")
    for layer in vit.encoder.layers:
        yield from each(layer, "ln_1")
        yield from (layer.self_attention.in_proj_weight, layer.self_attention.in_proj_bias)
        yield from each(layer, "self_attention.out_proj", "ln_2", "mlp.0", "mlp.3")
    yield from each(vit, "encoder.ln", "heads.head")


def timm_deit() -> nn.Module:
    return timm.models.deit.VisionTransformerDistilled(
        img_size=SIZE, patch_size=8, embed_dim=WIDTH, depth=12, num_heads=HEADS, num_classes=10, weight_init="skip"
    )


def deit_weights(deit: nn.Module) -> Iterator[Tensor]:
    yield from (deit.cls_token, deit.pos_embed, deit.dist_token)
    yield from each(deit, "patch_embed.proj")
    for block in deit.blocks:
        yield from each(block, "norm1", "attn.qkv", "attn.proj", "norm2", "mlp.fc1", "mlp.fc2")
    yield from each(deit, "norm", "head", "head_dist")


def timm_beit() -> nn.Module:
    sizes = {"img_size": SIZE, "patch_size": 8, "embed_dim": WIDTH, "depth": 2, "num_heads": HEADS, "num_classes": 10}
    return timm.models.beit.Beit(**sizes, use_abs_pos_emb=False, use_rel_pos_bias=True, init_values=0.1)


def beit_weights(beit: nn.Module) -> Iterator[Tensor]:
    yield beit.cls_token
    yield from each(beit, "patch_embed.proj")
    for block in beit.blocks:
        yield from each(block, "norm1")
        yield from (block.attn.q_bias, block.attn.v_bias, block.attn.relative_position_bias_table)
        yield from each(block, "attn.qkv", "attn.proj")
        yield block.gamma_1
        yield from each(block, "norm2", "mlp.fc1", "mlp.fc2")
        yield block.gamma_2
    yield from each(beit, "fc_norm", "head")


def torchvision_convnext() -> nn.Module:
    setting = torchvision.models.convnext.CNBlockConfig
    rows = [setting(8, 16, 1), setting(16, 24, 1), setting(24, 32, 2), setting(32, None, 1)]
    return torchvision.models.ConvNeXt(rows, stochastic_depth_prob=0.0, layer_scale=0.5, num_classes=10)


def convnext_weights(convnext: nn.Module) -> Iterator[Tensor]:
    for place, stage in enumerate(convnext.features):
        if place % 2 == 0:
            yield from stage.parameters()
            continue
        for block in stage:
            yield from each(block, "block.0", "block.2", "block.3", "block.5")
            yield block.layer_scale
    yield from each(convnext, "classifier.0", "classifier.2")


def timm_mixer() -> nn.Module:
    return timm.models.mlp_mixer.MlpMixer(
        num_classes=10, img_size=SIZE, patch_size=8, num_blocks=2, embed_dim=WIDTH, mlp_ratio=(0.5, 4.0)
    )


# --- text --------------------------------------------------------------------------------------


SMALL: dict[str, Any] = {"vocab_size": VOCABULARY, "num_hidden_layers": 2, "num_attention_heads": HEADS}


def llama() -> nn.Module:
    sizes = {"hidden_size": WIDTH, "intermediate_size": 40, "num_key_value_heads": 2, "rms_norm_eps": 1e-6}
    return transformers.LlamaForCausalLM(transformers.LlamaConfig(**SMALL, **sizes))


def llama_weights(model: nn.Module) -> Iterator[Tensor]:
    yield from each(model, "model.embed_tokens")
    for layer in model.model.layers:
        asked = (f"self_attn.{name}_proj" for name in "qkvo")
        yield from each(layer, "input_layernorm", *asked, "post_attention_layernorm")
        yield from each(layer, "mlp.gate_proj", "mlp.up_proj", "mlp.down_proj")
    yield from each(model, "model.norm", "lm_head")


def t5() -> nn.Module:
    sizes = {"d_model": WIDTH, "d_kv": 5, "d_ff": 40, "num_layers": 2, "num_heads": HEADS, "vocab_size": VOCABULARY}
    buckets = {"relative_attention_num_buckets": 32, "relative_attention_max_distance": 128}
    return transformers.T5ForConditionalGeneration(transformers.T5Config(**sizes, **buckets))


def t5_weights(model: nn.Module) -> Iterator[Tensor]:
    for stack in (model.encoder, model.decoder):
        yield from each(stack.block[0].layer[0].SelfAttention, "relative_attention_bias")
        for block in stack.block:
            first, *asks, last = block.layer
            yield from each(first, "layer_norm")
            yield from each(first, *(f"SelfAttention.{name}" for name in "qkvo"))
            for layer in asks:
                yield from each(layer, "layer_norm", *(f"EncDecAttention.{name}" for name in "qkvo"))
            yield from each(last, "layer_norm", "DenseReluDense.wi", "DenseReluDense.wo")
        yield from each(stack, "final_layer_norm")
    yield from each(model, "shared")


# --- encoder and decoder -----------------------------------------------------------------------


def encoder_and_decoder() -> nn.Module:
    return nn.Transformer(WIDTH, HEADS, 2, 2, 2 * WIDTH, dropout=0.0, batch_first=True)


def encoder_and_decoder_weights(model: nn.Transformer) -> Iterator[Tensor]:
    for layer in model.encoder.layers:
        yield from layer.self_attn.parameters()
        yield from each(layer, "norm1", "linear1", "linear2", "norm2")
    yield from each(model, "encoder.norm")
    for layer in model.decoder.layers:
        yield from layer.self_attn.parameters()
        yield from each(layer, "norm1")
        asked = layer.multihead_attn
        for weight, bias in zip(asked.in_proj_weight.chunk(3), asked.in_proj_bias.chunk(3), strict=True):
            yield from (weight, bias)
        yield from each(layer, "multihead_attn.out_proj", "norm2", "linear1", "linear2", "norm3")
    yield from each(model, "decoder.norm")


class DetrListing(nn.Module):
    """The listing of DETR's paper, line by line: torchvision's backbone and PyTorch's transformer."""

    def __init__(
        self, classes: int, width: int, heads: int, depth: int, hidden: int, queries: int, dilated: bool
    ) -> None:
        super().__init__()
        backbone = torchvision.models.resnet50(weights=None, replace_stride_with_dilation=[False, False, dilated])
        self.backbone = nn.Sequential(*list(backbone.children())[:-2])
        self.conv = nn.Conv2d(2048, width, 1)
        self.transformer = nn.Transformer(width, heads, depth, depth, hidden, dropout=0.0)
        self.linear_class = nn.Linear(width, classes + 1)
        self.linear_bbox = nn.Linear(width, 4)
        self.query_pos = nn.Parameter(torch.rand(queries, width))
        self.row_embed = nn.Parameter(torch.rand(50, width // 2))
        self.col_embed = nn.Parameter(torch.rand(50, width // 2))

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        h = self.conv(self.backbone(image))
        height, width = h.shape[-2:]
        across = self.col_embed[:width].unsqueeze(0).repeat(height, 1, 1)
        down = self.row_embed[:height].unsqueeze(1).repeat(1, width, 1)
        pos = torch.cat([across, down], dim=-1).flatten(0, 1).unsqueeze(1)
        asked = self.query_pos.unsqueeze(1).repeat(1, len(image), 1)  # the listing takes one image
        h = self.transformer(pos + h.flatten(2).permute(2, 0, 1), asked)
        return self.linear_class(h).permute(1, 2, 0), self.linear_bbox(h).sigmoid().permute(1, 2, 0)


def detr_weights(model: DetrListing) -> Iterator[Tensor]:
    yield from (model.query_pos, model.col_embed.T, model.row_embed.T)
    yield from model.backbone.parameters()
    yield from model.conv.parameters()
    yield from encoder_and_decoder_weights(model.transformer)
    yield from each(model, "linear_bbox", "linear_class")


# --- diffusion ---------------------------------------------------------------------------------


def ddpm() -> nn.Module:
    return diffusers.UNet2DModel(
        sample_size=16,
        block_out_channels=(32, 64),
        down_block_types=("DownBlock2D", "AttnDownBlock2D"),
        up_block_types=("AttnUpBlock2D", "UpBlock2D"),
        downsample_padding=0,
        flip_sin_to_cos=False,
        freq_shift=1,
        attention_head_dim=None,
        norm_eps=1e-6,
    )


def stable_diffusion() -> nn.Module:
    return diffusers.UNet2DConditionModel(
        sample_size=16,
        block_out_channels=(32, 64),
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
        attention_head_dim=4,
        cross_attention_dim=24,
    )


def unet_weights(unet: nn.Module) -> Iterator[Tensor]:
    """The U-Net as a level inside a level: down, what lies below, and up again."""
    yield from each(unet, "time_embedding.linear_1", "time_embedding.linear_2", "conv_in")
    yield from level_weights(unet, 0)
    yield from each(unet, "conv_norm_out", "conv_out")


def level_weights(unet: nn.Module, depth: int) -> Iterator[Tensor]:
    down, up = unet.down_blocks[depth], unet.up_blocks[-1 - depth]
    yield from units(down)
    if depth + 1 < len(unet.down_blocks):
        yield from down.downsamplers[0].parameters()
        yield from level_weights(unet, depth + 1)
        yield from unet.up_blocks[-2 - depth].upsamplers[0].parameters()
    else:
        middle = unet.mid_block
        yield from residual_weights(middle.resnets[0])
        yield from attention_weights(middle.attentions[0])
        yield from residual_weights(middle.resnets[1])
    yield from units(up)


def units(block: nn.Module) -> Iterator[Tensor]:
    for place, residual in enumerate(block.resnets):
        yield from residual_weights(residual)
        if hasattr(block, "attentions"):
            yield from attention_weights(block.attentions[place])


def residual_weights(residual: nn.Module) -> Iterator[Tensor]:
    yield from each(residual, "norm1", "conv1", "time_emb_proj", "norm2", "conv2")
    if residual.conv_shortcut is not None:
        yield from each(residual, "conv_shortcut")


def attention_weights(attention: nn.Module) -> Iterator[Tensor]:
    if hasattr(attention, "transformer_blocks"):
        yield from each(attention, "norm", "proj_in")
        (block,) = attention.transformer_blocks
        for norm, asked in (("norm1", "attn1"), ("norm2", "attn2")):
            yield from each(block, norm, *(f"{asked}.{name}" for name in ("to_q", "to_k", "to_v", "to_out.0")))
        yield from each(block, "norm3", "ff.net.0.proj", "ff.net.2")
        yield from each(attention, "proj_out")
        return
    yield from each(attention, "group_norm")
    asked = [attention.get_submodule(name) for name in ("to_q", "to_k", "to_v")]
    yield torch.cat([one.weight for one in asked])
    yield torch.cat([one.bias for one in asked])
    yield from each(attention, "to_out.0")


def denoised(model: nn.Module, inputs: Sequence[Tensor]) -> Tensor:
    image, step, *text = inputs
    return model(image, step.flatten(), *(value.transpose(1, 2) for value in text)).sample


def decoded(model: nn.Module, inputs: Sequence[Tensor]) -> Tensor:
    read, written = (x.transpose(1, 2) for x in inputs)
    mask = nn.Transformer.generate_square_subsequent_mask(written.shape[1], dtype=torch.float64)
    return model(read, written, tgt_mask=mask).transpose(1, 2)


def plain(model: nn.Module, inputs: Sequence[Tensor]) -> Tensor:
    return model(*inputs)


def last_of_deit(model: nn.Module, inputs: Sequence[Tensor]) -> Tensor:
    return model.eval()(*inputs)


def written(model: nn.Module, inputs: Sequence[Tensor]) -> Tensor:
    return model(input_ids=inputs[0], decoder_input_ids=inputs[1]).logits.transpose(1, 2)


def logits(model: nn.Module, inputs: Sequence[Tensor]) -> Tensor:
    return model(*inputs).logits.transpose(1, 2)


IMAGE = {"resolution": SIZE, "patch": 8, "width": WIDTH, "classes": 10}
TEXT = {"words": WORDS, "vocabulary": VOCABULARY, "width": WIDTH, "heads": HEADS, "depth": 2}

PAIRS = (
    Pair("vit", {**IMAGE, "heads": HEADS, "depth": 2}, torchvision_vit, vit_weights, plain),
    Pair("deit", {**IMAGE, "heads": HEADS}, timm_deit, deit_weights, last_of_deit),
    Pair("beit", {**IMAGE, "heads": HEADS, "depth": 2}, timm_beit, beit_weights, plain),
    Pair(
        "convnext",
        {"resolution": SIZE, "depths": [1, 1, 2, 1], "widths": [8, 16, 24, 32], "classes": 10},
        torchvision_convnext,
        convnext_weights,
        plain,
    ),
    Pair("mlp_mixer", {**IMAGE, "depth": 2}, timm_mixer, all_of, plain),
    Pair("llama", {**TEXT, "kv_heads": 2, "hidden": 40}, llama, llama_weights, logits, 1e-5),
    Pair(
        "t5",
        {
            **{name: TEXT[name] for name in ("vocabulary", "width", "heads", "depth")},
            **{"source_words": 150, "target_words": 40, "size": 5, "hidden": 40},
        },
        t5,
        t5_weights,
        written,
        1e-6,
    ),
    Pair(
        "ddpm_unet",
        {"resolution": 16, "widths": [32, 64], "attends": [False, True]},
        ddpm,
        unet_weights,
        denoised,
        1e-4,
    ),
    Pair(
        "latent_diffusion",
        {"resolution": 16, "widths": [32, 64], "attends": [True, False], "meaning": 24, "words": 7, "heads": 4},
        stable_diffusion,
        unet_weights,
        denoised,
        1e-4,
    ),
    Pair(
        "transformer",
        {"source_words": 7, "target_words": 5, "width": WIDTH, "hidden": 2 * WIDTH, "heads": HEADS, "depth": 2},
        encoder_and_decoder,
        encoder_and_decoder_weights,
        decoded,
    ),
)


def inputs_of(net: archdsl.Network) -> list[Tensor]:
    found = []
    for index, node in enumerate(net.graph.inputs):
        dims = (2, *node.output.dims)
        most = VOCABULARY if index == 0 else 2
        is_text = node.output.kind == "int"
        found.append(torch.randint(0, most, dims) if is_text else torch.randn(dims, dtype=torch.float64))
    return found


@pytest.mark.parametrize("pair", PAIRS, ids=str)
def test_outputs_and_gradients_are_those_of_a_public_implementation(pair: Pair) -> None:
    torch.manual_seed(0)
    net = archdsl.load(pair.spec, **pair.settings)
    ours, theirs = net.module(dtype=torch.float64).eval(), pair.made().double().eval()
    for parameter in theirs.parameters():  # biases and tables of positions, too, which start at 0
        nn.init.normal_(parameter, std=0.3)
    given = list(pair.weights(theirs))
    own = dict(ours.named_parameters())
    assert [tuple(w.shape) for w in given] == [tuple(w.shape) for w in own.values()] or _alike(given, own)
    with torch.no_grad():
        for weight, parameter in zip(given, own.values(), strict=True):
            parameter.copy_(weight.reshape(parameter.shape))
    inputs = inputs_of(net)
    wanted, found = pair.call(theirs, inputs), _main(ours(*inputs))
    torch.testing.assert_close(found, wanted, rtol=pair.tolerance, atol=pair.tolerance)
    for output in (wanted, found):
        (output * torch.linspace(-1, 1, output.numel(), dtype=torch.float64).view_as(output)).sum().backward()
    first = next(iter(own.values()))
    gradient, tolerance = given[0].grad, 10 * pair.tolerance
    assert gradient is not None
    torch.testing.assert_close(first.grad, gradient.reshape(first.shape), rtol=tolerance, atol=tolerance)


def _main(output: Any) -> Tensor:
    return output if isinstance(output, Tensor) else output[0]


def _alike(given: Sequence[Tensor], own: dict[str, Tensor]) -> bool:
    """A matrix may be held as a convolution of one pixel, a factor with positions."""
    return [w.numel() for w in given] == [w.numel() for w in own.values()]


# --- by the same means, of other networks ------------------------------------------------------


def test_the_block_that_is_not_local_is_timms() -> None:
    """Small weights: its scores are not scaled, and with large ones each position would ask one other alone."""
    torch.manual_seed(0)
    ours = archdsl.load("nonlocal").module(dtype=torch.float64)
    theirs = timm.layers.NonLocalAttn(1024, use_scale=False, rd_channels=512).double()
    for parameter in theirs.parameters():
        nn.init.normal_(parameter, std=0.03)
    check_alike(ours, theirs, torch.randn(2, 1024, 14, 14, dtype=torch.float64) / 4)


class LabmlReader(nn.Module):
    """Words, labml-nn's LSTM, whose gates are written out, and the classes of its last state."""

    def __init__(self, vocabulary: int, dimension: int, memory: int, classes: int) -> None:
        super().__init__()
        self.words = nn.Embedding(vocabulary, dimension)
        self.reader = published("labml_nn.lstm").LSTM(dimension, memory, 1)
        self.classify = nn.Linear(memory, classes)

    def forward(self, tokens: Tensor) -> Tensor:
        states, _ = self.reader(self.words(tokens).transpose(0, 1))
        return self.classify(states[-1])


def test_a_text_is_read_as_labml_reads_it() -> None:
    torch.manual_seed(0)
    sizes = {"vocabulary": VOCABULARY, "dimension": 6, "memory": 5, "classes": 3}
    ours = archdsl.load("lstm_text", words=WORDS, **sizes).module(dtype=torch.float64)
    theirs = LabmlReader(*sizes.values()).double()
    cell = theirs.reader.cells[0]
    weights = {
        "embed.embedding.weight": theirs.words.weight,
        "reader.lstm.weight_ih_l0": cell.input_lin.weight,
        "reader.lstm.weight_hh_l0": cell.hidden_lin.weight,
        "reader.lstm.bias_hh_l0": cell.hidden_lin.bias,
        "classifier.linear.weight": theirs.classify.weight,
        "classifier.linear.bias": theirs.classify.bias,
    }
    own = dict(ours.named_parameters())
    nn.init.zeros_(own.pop("reader.lstm.bias_ih_l0"))  # PyTorch has two biases, which are added; labml has one
    assert set(own) == set(weights)
    check_alike(ours, theirs, torch.randint(0, VOCABULARY, (2, WORDS)), [(own[name], weights[name]) for name in own])


@pytest.mark.parametrize("dilated", [False, True])
def test_objects_are_found_as_the_listing_of_the_paper_finds_them(dilated: bool) -> None:
    torch.manual_seed(0)
    sizes: dict[str, Any] = {
        "dilated": dilated,
        "classes": 7,
        "width": WIDTH,
        "heads": HEADS,
        "depth": 2,
        "hidden": 2 * WIDTH,
        "queries": 5,
    }
    ours = archdsl.load("detr", resolution=64, **sizes).module(dtype=torch.float64)
    theirs = DetrListing(**sizes).double()
    pairs = list(zip(ours.parameters(), detr_weights(theirs), strict=True))
    check_alike(ours, theirs, torch.randn(2, 3, 64, 64, dtype=torch.float64), pairs)


def check_alike(ours: nn.Module, theirs: nn.Module, x: Tensor, pairs: Sequence[tuple[Tensor, Tensor]] = ()) -> None:
    """With their weights, ours gives their outputs and gradients. Unless given, parameters correspond in order."""
    pairs = pairs or list(zip(ours.parameters(), theirs.parameters(), strict=True))
    with torch.no_grad():
        for mine, its in pairs:
            mine.copy_(its.reshape(mine.shape))
    found, wanted = (
        output if isinstance(output, tuple) else (output,) for output in (ours.eval()(x), theirs.eval()(x))
    )
    torch.testing.assert_close(found, wanted, rtol=1e-9, atol=1e-9)
    for outputs in (found, wanted):
        sum((y * torch.linspace(-1, 1, y.numel(), dtype=y.dtype).view_as(y)).sum() for y in outputs).backward()
    leaves = [(mine.grad, its.grad) for mine, its in pairs if its.is_leaf]
    largest = max(float(its.abs().max()) for _, its in leaves)
    for mine, its in leaves:
        torch.testing.assert_close(mine.reshape(its.shape), its, rtol=1e-9, atol=1e-12 * largest)
