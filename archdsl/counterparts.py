"""Which spec is the same network as which public implementation: the pairs that `archdsl prove` compares.

`COUNTERPARTS` are pairs that must agree. `WITHOUT_COUNTERPART` are specs that no package implements, with what the
packages have instead. `WITHOUT_SPEC` are public implementations that differ from every spec, with the difference. A
reference is written `package:name`; `+aux` adds its auxiliary heads. Two modules are in `scripts`, beside this package:
`published` takes single files of packages that are not installed, `restated` has networks that no package of a
reasonable size has, and parts of such as make more than maps.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any


@dataclass(frozen=True, slots=True)
class Counterpart:
    """A spec (`resnet@50`, with further settings where the reference needs them) and its public implementation.

    `macs_differ` says why the reference needs more or fewer multiply-adds, although it computes the same.
    `structure_only` says why structure and weights are compared, and no outputs.
    """

    spec: str
    reference: str
    settings: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    macs_differ: str = ""
    structure_only: str = ""

    @property
    def training(self) -> bool:
        """Whether outputs that exist only during training are compared too."""
        return self.reference.endswith("+aux")

    def __str__(self) -> str:
        settings = ",".join(f"{name}={value}" for name, value in self.settings.items())
        return f"{self.spec}{f'({settings})' if settings else ''} = {self.reference}"


CAFFE_POOLING: Mapping[str, Any] = MappingProxyType({"ceil": True})
COUNTED_PADDING: Mapping[str, Any] = MappingProxyType({"count_padding": True})
RELU6: Mapping[str, Any] = MappingProxyType({"act": "relu6"})
NORM_FIRST: Mapping[str, Any] = MappingProxyType({"reduce": "NormPool"})
NARROW_TOP: Mapping[str, Any] = MappingProxyType({"widths": [32, 32, 64, 128, 256]})
AT_224: Mapping[str, Any] = MappingProxyType({"reduce": "NormPool", "resolution": 224})


TOO_LARGE = "its weights and gradients, twice and in float64, are more than a small machine holds"


SINGLE = "its normalizations compute in single precision: a test compares outputs and gradients to 1e-5"
FEWER_WORDS: Mapping[str, Any] = MappingProxyType({"words": 64})
FEWER_OF_BOTH: Mapping[str, Any] = MappingProxyType({"source_words": 160, "target_words": 160})


def text_model(name: str, **sizes: int) -> str:
    """The reference for a BERT, GPT-2, LLaMA or T5 of any size: transformers', with one answer."""
    return f"restated:{name}({', '.join(f'{size}={value}' for size, value in sizes.items())})"


def bert(depth: int, width: int, heads: int) -> str:
    sizes = {"num_hidden_layers": depth, "hidden_size": width, "num_attention_heads": heads}
    return text_model("bert", **sizes, intermediate_size=4 * width)


def gpt2(depth: int, width: int, heads: int) -> str:
    return text_model("gpt2", n_layer=depth, n_embd=width, n_head=heads)


def t5(depth: int, width: int, heads: int, hidden: int) -> str:
    return text_model("t5", num_layers=depth, d_model=width, num_heads=heads, d_ff=hidden)


def llama(depth: int, width: int, heads: int, hidden: int, kv_heads: int = 0) -> str:
    sizes = {"num_hidden_layers": depth, "hidden_size": width, "num_attention_heads": heads}
    return text_model("llama", **sizes, intermediate_size=hidden, num_key_value_heads=kv_heads or heads)


def cifar_resnet(layers: int) -> str:
    """The reference for a CIFAR ResNet of any depth: pytorchcv has names for some depths, and a factory for all."""
    factory = "pytorchcv.models.resnet_cifar:get_resnet_cifar"
    return f"{factory}(num_classes=10, blocks={layers}, bottleneck=False)"


def cifar_wide_resnet(layers: int, width: int) -> str:
    """The same for a wide ResNet."""
    return f"pytorchcv.models.wrn_cifar:get_wrn_cifar(num_classes=10, blocks={layers}, width_factor={width})"


def maxvit(widths: list[int], depths: list[int]) -> str:
    """The reference for a MaxViT of any size: torchvision has a name for the smallest, and a class for all."""
    sizes = f"stem_channels={widths[0]}, block_channels={widths}, block_layers={depths}"
    rest = "input_size=(224, 224), partition_size=7, head_dim=32, stochastic_depth_prob=0.0"
    return f"torchvision.models.maxvit:MaxVit({sizes}, {rest})"


def attention_unet(widths: list[int]) -> str:
    """The reference for an attention U-Net: MONAI's, for images of one channel and two classes."""
    factory = "monai.networks.nets:AttentionUnet"
    strides = [2] * (len(widths) - 1)
    return f"{factory}(spatial_dims=2, in_channels=1, out_channels=2, channels={widths}, strides={strides})"


COUNTERPARTS: tuple[Counterpart, ...] = (
    Counterpart("alexnet@torchvision", "torchvision:alexnet"),
    Counterpart("alexnet@torchvision", "pytorchcv:alexnetb"),
    Counterpart("alexnet@single", "pytorchcv:alexnet", AT_224),
    Counterpart("zfnet@paper", "pytorchcv:zfnet", NORM_FIRST),
    Counterpart("zfnet@lecture", "pytorchcv:zfnetb", NORM_FIRST),
    Counterpart("vgg@A", "torchvision:vgg11"),
    Counterpart("vgg@A", "pytorchcv:vgg11"),
    Counterpart("vgg@B", "torchvision:vgg13"),
    Counterpart("vgg@B", "pytorchcv:vgg13"),
    Counterpart("vgg@D", "torchvision:vgg16"),
    Counterpart("vgg@D", "pytorchcv:vgg16"),
    Counterpart("vgg@E", "torchvision:vgg19"),
    Counterpart("vgg@E", "pytorchcv:vgg19"),
    Counterpart("vgg@A_bn", "torchvision:vgg11_bn"),
    Counterpart("vgg@A_bn", "pytorchcv:bn_vgg11b"),
    Counterpart("vgg@B_bn", "torchvision:vgg13_bn"),
    Counterpart("vgg@B_bn", "pytorchcv:bn_vgg13b"),
    Counterpart("vgg@D_bn", "torchvision:vgg16_bn"),
    Counterpart("vgg@D_bn", "pytorchcv:bn_vgg16b"),
    Counterpart("vgg@E_bn", "torchvision:vgg19_bn"),
    Counterpart("vgg@E_bn", "pytorchcv:bn_vgg19b"),
    Counterpart("nin_cifar@cifar10", "pytorchcv:nin_cifar10"),
    Counterpart("googlenet@bn", "torchvision:googlenet"),
    Counterpart("googlenet@bn", "torchvision:googlenet+aux"),
    Counterpart("bn_inception@v2", "pytorchcv:bninception"),
    Counterpart("inception_v3", "torchvision:inception_v3"),
    Counterpart("inception_v3", "torchvision:inception_v3+aux"),
    Counterpart("inception_v3", "timm:inception_v3"),
    Counterpart("inception_v3", "pytorchcv:inceptionv3"),
    Counterpart("inception_v4", "timm:inception_v4"),
    Counterpart("inception_v4", "pytorchcv:inceptionv4"),
    Counterpart("inception_resnet@v1", "pytorchcv:inceptionresnetv1"),
    Counterpart("inception_resnet@v2", "timm:inception_resnet_v2"),
    Counterpart("inception_resnet@v2", "pytorchcv:inceptionresnetv2"),
    Counterpart("resnet@18", "torchvision:resnet18"),
    Counterpart("resnet@18", "pytorchcv:resnet18"),
    Counterpart("resnet@34", "torchvision:resnet34"),
    Counterpart("resnet@50", "torchvision:resnet50"),
    Counterpart("resnet@101", "torchvision:resnet101"),
    Counterpart("resnet@152", "torchvision:resnet152"),
    Counterpart("resnet@50_v1", "pytorchcv:resnet50"),
    Counterpart("resnet@101_v1", "pytorchcv:resnet101"),
    Counterpart("resnet@152_v1", "pytorchcv:resnet152"),
    Counterpart("resnet_cifar@20", "pytorchcv:resnet20_cifar10"),
    Counterpart("resnet_cifar@32", cifar_resnet(32)),
    Counterpart("resnet_cifar@44", cifar_resnet(44)),
    Counterpart("resnet_cifar@56", "pytorchcv:resnet56_cifar10"),
    Counterpart("resnet_cifar@110", "pytorchcv:resnet110_cifar10"),
    Counterpart("resnet_cifar@1001", "pytorchcv:resnet1001_cifar10"),
    Counterpart("resnet_cifar@1202", "pytorchcv:resnet1202_cifar10"),
    Counterpart("preresnet@18", "pytorchcv:preresnet18"),
    Counterpart("preresnet@50", "pytorchcv:preresnet50"),
    Counterpart("preresnet_cifar@1001", "pytorchcv:preresnet1001_cifar10"),
    Counterpart("preresnet_cifar@1202", "pytorchcv:preresnet1202_cifar10"),
    Counterpart("wide_resnet@50_2", "torchvision:wide_resnet50_2"),
    Counterpart("wide_resnet@50_2", "timm:wide_resnet50_2"),
    Counterpart("wide_resnet@101_2", "torchvision:wide_resnet101_2"),
    Counterpart("wide_resnet_cifar@16_8", cifar_wide_resnet(16, 8)),
    Counterpart("wide_resnet_cifar@16_10", "pytorchcv:wrn16_10_cifar10"),
    Counterpart("wide_resnet_cifar@28_10", "pytorchcv:wrn28_10_cifar10"),
    Counterpart("wide_resnet_cifar@40_8", "pytorchcv:wrn40_8_cifar10"),
    Counterpart("wide_resnet_cifar@40_10", cifar_wide_resnet(40, 10)),
    Counterpart("resnext@50_32x4d", "torchvision:resnext50_32x4d"),
    Counterpart("resnext@50_32x4d", "pytorchcv:resnext50_32x4d"),
    Counterpart("resnext@101_32x4d", "timm:resnext101_32x4d"),
    Counterpart("resnext@101_32x8d", "torchvision:resnext101_32x8d"),
    Counterpart("resnext@101_64x4d", "torchvision:resnext101_64x4d"),
    Counterpart("resnext@101_64x4d", "pytorchcv:resnext101_64x4d"),
    Counterpart("densenet@121", "torchvision:densenet121"),
    Counterpart("densenet@161", "torchvision:densenet161"),
    Counterpart("densenet@169", "torchvision:densenet169"),
    Counterpart("densenet@201", "torchvision:densenet201"),
    Counterpart("densenet_cifar@40_12_half", "pytorchcv:densenet40_k12_cifar10"),
    Counterpart("densenet_cifar@bc_100_12", "pytorchcv:densenet100_k12_bc_cifar10"),
    Counterpart("densenet_cifar@bc_190_40", "pytorchcv:densenet190_k40_bc_cifar10"),
    Counterpart("xception", "timm:xception"),
    Counterpart("xception", "timm:legacy_xception"),
    Counterpart("xception", "pytorchcv:xception"),
    Counterpart("senet@18", "timm:seresnet18"),
    Counterpart("senet@34", "timm:seresnet34"),
    Counterpart("senet@50", "timm:seresnet50"),
    Counterpart("senet@101", "timm:seresnet101"),
    Counterpart("senet@152", "timm:seresnet152"),
    Counterpart("senet@50_v1", "pytorchcv:seresnet50"),
    Counterpart("senet@101_v1", "pytorchcv:seresnet101"),
    Counterpart("senet@50_v1", "timm:legacy_seresnet50", CAFFE_POOLING),
    Counterpart("senet@101_v1", "timm:legacy_seresnet101", CAFFE_POOLING),
    Counterpart("senet@152_v1", "timm:legacy_seresnet152", CAFFE_POOLING),
    Counterpart("senet@next50", "timm:seresnext50_32x4d"),
    Counterpart("senet@next50", "pytorchcv:seresnext50_32x4d"),
    Counterpart("senet@next50", "timm:legacy_seresnext50_32x4d", CAFFE_POOLING),
    Counterpart("senet@next101", "timm:seresnext101_32x4d"),
    Counterpart("senet@next101", "pytorchcv:seresnext101_32x4d"),
    Counterpart("senet@next101", "timm:legacy_seresnext101_32x4d", CAFFE_POOLING),
    Counterpart("senet@154", "pytorchcv:senet154"),
    Counterpart("senet@154", "timm:legacy_senet154", CAFFE_POOLING),
    Counterpart("mobilenet@1.0", "pytorchcv:mobilenet_w1"),
    Counterpart("mobilenet@0.75", "pytorchcv:mobilenet_w3d4"),
    Counterpart("mobilenet@0.5", "pytorchcv:mobilenet_wd2"),
    Counterpart("mobilenet@0.25", "pytorchcv:mobilenet_wd4"),
    Counterpart("mobilenet@1.0", "timm:mobilenetv1_100", RELU6),
    Counterpart("mobilenet@1.25", "timm:mobilenetv1_125", RELU6),
    Counterpart("mobilenet@192", "timm:mobilenetv1_100", RELU6),
    Counterpart("mobilenet@160", "timm:mobilenetv1_100", RELU6),
    Counterpart("mobilenet@128", "timm:mobilenetv1_100", RELU6),
    Counterpart("mobilenet_v2@1.0", "torchvision:mobilenet_v2"),
    Counterpart("mobilenet_v2@1.0", "timm:mobilenetv2_100"),
    Counterpart("mobilenet_v2@1.4", "timm:mobilenetv2_140"),
    Counterpart("mobilenet_v2@0.5", "timm:mobilenetv2_050"),
    Counterpart("shufflenet@g1", "pytorchcv:shufflenet_g1_w1"),
    Counterpart("shufflenet@g2", "pytorchcv:shufflenet_g2_w1"),
    Counterpart("shufflenet@g3", "pytorchcv:shufflenet_g3_w1"),
    Counterpart("shufflenet@g4", "pytorchcv:shufflenet_g4_w1"),
    Counterpart("shufflenet@g8", "pytorchcv:shufflenet_g8_w1"),
    Counterpart("nasnet@large", "timm:nasnetalarge", COUNTED_PADDING),
    Counterpart(
        "nasnet@large",
        "pytorchcv:nasnet_6a4032",
        macs_differ="it convolves a further row and column before each even-sized reduction and cuts them off again",
    ),
    Counterpart(
        "nasnet@mobile",
        "pytorchcv:nasnet_4a1056",
        macs_differ="it convolves a further row and column before each even-sized reduction and cuts them off again",
    ),
    Counterpart("efficientnet@b0", "torchvision:efficientnet_b0"),
    Counterpart("efficientnet@b0", "pytorchcv:efficientnet_b0"),
    Counterpart("efficientnet@b1", "torchvision:efficientnet_b1"),
    Counterpart("efficientnet@b2", "torchvision:efficientnet_b2"),
    Counterpart("efficientnet@b3", "torchvision:efficientnet_b3"),
    Counterpart("efficientnet@b4", "torchvision:efficientnet_b4"),
    Counterpart("efficientnet@b5", "torchvision:efficientnet_b5"),
    Counterpart("efficientnet@b6", "torchvision:efficientnet_b6"),
    Counterpart("efficientnet@b7", "torchvision:efficientnet_b7"),
    Counterpart("convnext@tiny", "torchvision:convnext_tiny"),
    Counterpart("convnext@small", "torchvision:convnext_small"),
    Counterpart("convnext@base", "torchvision:convnext_base"),
    Counterpart("convnext@large", "torchvision:convnext_large"),
    Counterpart("convnext@xlarge", "timm:convnext_xlarge", structure_only=TOO_LARGE),
    Counterpart("mlp_mixer@s32", "timm:mixer_s32_224"),
    Counterpart("mlp_mixer@s16", "timm:mixer_s16_224"),
    Counterpart("mlp_mixer@b32", "timm:mixer_b32_224"),
    Counterpart("mlp_mixer@b16", "timm:mixer_b16_224"),
    Counterpart("mlp_mixer@l32", "timm:mixer_l32_224"),
    Counterpart("mlp_mixer@l16", "timm:mixer_l16_224"),
    Counterpart(
        "mlp_mixer@h14",
        "timm.models.mlp_mixer:MlpMixer(img_size=224, patch_size=14, num_blocks=32, embed_dim=1280)",
        structure_only=TOO_LARGE,
    ),
    Counterpart("vit@b_16", "torchvision:vit_b_16"),
    Counterpart("vit@b_32", "torchvision:vit_b_32"),
    Counterpart("vit@l_16", "torchvision:vit_l_16"),
    Counterpart("vit@l_32", "torchvision:vit_l_32"),
    Counterpart("vit@h_14", "torchvision:vit_h_14", structure_only=TOO_LARGE),
    Counterpart("beit@base", "timm:beit_base_patch16_224"),
    Counterpart("beit@large", "timm:beit_large_patch16_224"),
    Counterpart("swin@t", "torchvision:swin_t"),
    Counterpart("swin@t", "timm:swin_tiny_patch4_window7_224"),
    Counterpart("swin@s", "torchvision:swin_s"),
    Counterpart("swin@b", "torchvision:swin_b"),
    Counterpart("swin@l", "timm:swin_large_patch4_window7_224"),
    Counterpart("maxvit@t", "torchvision:maxvit_t"),
    Counterpart("maxvit@s", maxvit([96, 192, 384, 768], [2, 2, 5, 2])),
    Counterpart("maxvit@b", maxvit([96, 192, 384, 768], [2, 6, 14, 2])),
    Counterpart("maxvit@l", maxvit([128, 256, 512, 1024], [2, 6, 14, 2])),
    Counterpart("deit@tiny", "timm:deit_tiny_distilled_patch16_224"),
    Counterpart("deit@small", "timm:deit_small_distilled_patch16_224"),
    Counterpart("deit@base", "timm:deit_base_distilled_patch16_224"),
    Counterpart("deit@base_384", "timm:deit_base_distilled_patch16_384"),
    Counterpart("deit@plain_tiny", "timm:deit_tiny_patch16_224"),
    Counterpart("deit@plain_small", "timm:deit_small_patch16_224"),
    Counterpart("deit@plain_base", "timm:deit_base_patch16_224"),
    Counterpart("t5@small", t5(6, 512, 8, 2048), FEWER_OF_BOTH, structure_only=SINGLE),
    Counterpart("t5@base", t5(12, 768, 12, 3072), FEWER_OF_BOTH, structure_only=SINGLE),
    Counterpart("t5@large", t5(24, 1024, 16, 4096), FEWER_OF_BOTH, structure_only=SINGLE),
    Counterpart("bert@base", bert(12, 768, 12)),
    Counterpart("bert@large", bert(24, 1024, 16), structure_only=TOO_LARGE),
    Counterpart("gpt2@small", gpt2(12, 768, 12), FEWER_WORDS),
    Counterpart("gpt2@medium", gpt2(24, 1024, 16), structure_only=TOO_LARGE),
    Counterpart("gpt2@large", gpt2(36, 1280, 20), structure_only=TOO_LARGE),
    Counterpart("gpt2@xl", gpt2(48, 1600, 25), structure_only=TOO_LARGE),
    Counterpart("llama@7b", llama(32, 4096, 32, 11_008), structure_only=SINGLE),
    Counterpart("llama@13b", llama(40, 5120, 40, 13_824), structure_only=SINGLE),
    Counterpart("llama@33b", llama(60, 6656, 52, 17_920), structure_only=SINGLE),
    Counterpart("llama@65b", llama(80, 8192, 64, 22_016), structure_only=SINGLE),
    Counterpart("llama@tiny_1.1b", llama(22, 2048, 32, 5632, kv_heads=4), structure_only=SINGLE),
    Counterpart("r3d@r3d_18", "torchvision:r3d_18"),
    Counterpart("r3d@mc3_18", "torchvision:mc3_18"),
    Counterpart("r3d@r2plus1d_18", "torchvision:r2plus1d_18"),
    Counterpart("fcn_resnet@50", "torchvision:fcn_resnet50(aux_loss=True)"),
    Counterpart("fcn_resnet@101", "torchvision:fcn_resnet101(aux_loss=True)"),
    Counterpart("deeplab@50", "torchvision:deeplabv3_resnet50(aux_loss=True)"),
    Counterpart("deeplab@101", "torchvision:deeplabv3_resnet101(aux_loss=True)"),
    Counterpart("retinanet@50", "restated:retinanet(name='retinanet_resnet50_fpn')"),
    Counterpart("retinanet@50_v2", "restated:retinanet(name='retinanet_resnet50_fpn_v2')"),
    Counterpart("yolov5@n", "published:yolov5(size='n')"),
    Counterpart("yolov5@s", "published:yolov5(size='s')"),
    Counterpart("yolov5@m", "published:yolov5(size='m')"),
    Counterpart("yolov5@l", "published:yolov5(size='l')"),
    Counterpart("yolov5@x", "published:yolov5(size='x')"),
    Counterpart("res_unet", "restated:ResUNet"),
    Counterpart("attention_unet", attention_unet([64, 128, 256, 512, 1024])),
    Counterpart("nested_unet", "restated:nested_unet", NARROW_TOP),
    Counterpart("siamese", "restated:Siamese"),
    Counterpart("pointnet", "published:pointnet"),
    Counterpart("srgan", "published:srgan"),
    Counterpart(
        "nonlocal",
        "timm.layers:NonLocalAttn(in_channels=1024, use_scale=False, rd_channels=512)",
        structure_only="a bias of keys has a gradient of 0, of which rounding leaves more than the limit where "
        "scores are not scaled; a test compares outputs and gradients",
    ),
)

SETTINGS: Mapping[str, str] = MappingProxyType(
    {
        "ceil": "the reference came from Caffe, which pools without padding and rounds sizes up",
        "count_padding": "in the reference, averages that halve the size count their padding, as no paper says",
        "act": "the reference has ReLU6, as TensorFlow's models have, where the paper writes ReLU",
        "words": "of a model that takes any number of words, a short text shows the same in less memory",
        "source_words": "160 words, with distances beyond the last bucket, show the same in less memory",
        "target_words": "160 words, with distances beyond the last bucket, show the same in less memory",
        "widths": "the reference's top row gets as many channels as the row below has; these rows have equally many",
        "reduce": "the reference normalizes before it pools",
        "resolution": "the reference has another input size: 224 px with padding 2 give the 55 x 55 of 227 px without",
    }
)
"""Why some references only agree with a spec when a setting is changed, by the setting's name."""

WITHOUT_COUNTERPART: Mapping[str, str] = MappingProxyType(
    {
        "alexnet@two_gpu": "the packages' AlexNets are not split over two graphics cards",
        "autoencoder": "its sizes are our own, after a paper without convolutions; no package has it",
        "bn_inception@se": "no package has it with squeeze and excitation",
        "dcgan": "no package has it; PyTorch's example is the variant pytorch, which a test proves",
        "ddpm_unet": "a test computes outputs and gradients of a small one, and those of diffusers",
        "deeplab@101_16": "torchvision's has the last stride of 8 and windows that grow less",
        "densenet_cifar@40_12": "pytorchcv's densenet40_k12 halves the channels in its transitions: 40_12_half",
        "detr": "a test computes outputs and gradients, and those of the paper's listing on torchvision's backbone",
        "fcn": "torchvision's FCNs stand on a ResNet, and learn no upsampling: fcn_resnet",
        "googlenet@paper": "the packages' GoogLeNets have batch normalization: bn",
        "gru": "PyTorch has the layer with the channels last; a test computes both",
        "hourglass": "no package has it",
        "inception_module": "an exercise, one module of GoogLeNet",
        "inception_resnet@se_v2": "no package has it with squeeze and excitation",
        "latent_diffusion": "a test computes outputs and gradients of a small one, and those of diffusers",
        "lenet": "no package has it",
        "lstm_text": "a test computes outputs and gradients, and those of labml-nn's LSTM, which is written out",
        "mlp": "no package has it",
        "mobilenet@full": "a comparison of the paper's, which no package has",
        "nasnet_cifar@6_768": "the packages have the networks for ImageNet alone",
        "nin@imagenet": "pytorchcv has the network for CIFAR alone",
        "resnet@plain18": "a comparison of the paper's, which no package has",
        "resnet@plain34": "a comparison of the paper's, which no package has",
        "resnet_cifar@110_A": "pytorchcv's shortcuts are projections where the shape changes: 110",
        "resnet_cifar@20_A": "pytorchcv's shortcuts are projections where the shape changes: 20",
        "resnet_cifar@32_A": "pytorchcv's shortcuts are projections where the shape changes: 32",
        "resnet_cifar@44_A": "pytorchcv's shortcuts are projections where the shape changes: 44",
        "resnet_cifar@56_A": "pytorchcv's shortcuts are projections where the shape changes: 56",
        "resnext_block": "a figure of one block in its three equal forms; a test computes all three",
        "retinanet@paper101": "torchvision's make p6 of p5, or have normalizations in their heads",
        "retinanet@paper50": "torchvision's make p6 of p5, or have normalizations in their heads",
        "seq2seq": "no package has it; a test computes two layers of PyTorch, of which one hands on its state",
        "textcnn": "no package has it",
        "transformer": "a test computes outputs and gradients of a small one, and those of torch's nn.Transformer",
        "unet@2015": "pytorchcv's U-Net pads and normalizes",
        "vae": "no package has it; PyTorch's example is the variant pytorch, which a test proves",
        "vgg@A_LRN": "the packages' VGGs have no local response normalization",
        "vgg@C": "the packages leave out the column with 1x1 convolutions",
        "vgg@C_bn": "the packages leave out the column with 1x1 convolutions",
        "vgg@se_D": "no package has it with squeeze and excitation",
        "wide_resnet@34_2": "of the networks for ImageNet, the packages widen only those with bottlenecks",
        "xception_steps": "a figure of the steps from an Inception module to a separable convolution",
    }
)
"""Specs and variants that no package has; the name of a spec stands for all its variants."""

WITHOUT_SPEC: Mapping[str, str] = MappingProxyType(
    {
        "pytorchcv:mobilenetv2_w1": (
            "expands before the first depthwise convolution too, where the paper has nothing to expand "
            "(32 · 32 weights and 64 of a batch normalization more), and its classifier has no bias (1000 fewer)"
        ),
        "pytorchcv:wrn50_2": "is WRN-50-2 after training: batch normalization is folded into biases",
    }
)
"""References without a spec, and why."""
