"""What can be wrong with a network that is imported."""

from __future__ import annotations

from archdsl.diagnostics import Code

CODES = {
    "unknown-reference": Code(
        summary="A reference names no network that its package has.",
        explanation="A reference is `torchvision:NAME`, `timm:NAME`, `pytorchcv:NAME`, or `package.module:factory` "
        "for any function or class of yours that gives a `torch.nn.Module` when called without arguments. "
        "Where a name comes close, it is suggested.",
        example="$ archdsl import torchvision:resnet51 -o resnet.json",
    ),
    "broken-reference": Code(
        summary="A reference's package does not import, or its factory fails.",
        explanation="Importing a network executes its code. The message says which of its lines stopped, and with "
        "what words; a package that is not installed is such a case.",
        example="$ archdsl import no_such_package:net -o net.json",
    ),
    "reference-inputs": Code(
        summary="A network does not take the inputs that it is given.",
        explanation="A network is imported at one size of its inputs: that of the spec that it is compared with, "
        "or what `--input` says. The message says how far the input came.",
        example="$ archdsl import torchvision:vgg16 --input 4x224x224 -o vgg.json",
    ),
    "data-dependent": Code(
        summary="What a network computes depends on the numbers that flow through it.",
        explanation="`if x.sum() > 0:` in a forward method takes one way or another from one input to the next: "
        "there is no one graph. The message says which module asked.",
        example="$ archdsl import broken_networks:asks -o net.json",
    ),
    "cannot-trace": Code(
        summary="A network runs, but its forward pass cannot be traced.",
        explanation="torch.export and then torch.fx are asked. What both refuse is most often code that calls "
        "other libraries, or that keeps tensors outside of the module.",
        example="$ archdsl import broken_networks:leaves_torch -o net.json",
    ),
}
