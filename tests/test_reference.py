"""The implementations to compare with can be imported and run, whichever build of torch is there."""

from __future__ import annotations

import torch
from reference import import_torchvision


def test_torchvision_runs() -> None:
    torchvision = import_torchvision()
    assert torchvision is import_torchvision()
    model = torchvision.models.resnet18().eval()
    assert model(torch.zeros(1, 3, 64, 64)).shape == (1, 1000)
    assert sum(parameter.numel() for parameter in model.parameters()) == 11_689_512


def test_what_imports_torchvision_can_be_imported_after_it() -> None:
    import_torchvision()
    import timm
    from pytorchcv.model_provider import get_model

    assert timm.create_model("efficientnet_b0").num_classes == 1000
    assert get_model("resnet18") is not None
