"""Networks that make images, against modules written as PyTorch's examples write them: no package has these."""

from __future__ import annotations

import torch
from torch import nn

import archdsl
from archdsl.prove.prove import prove
from archdsl.prove.report import report_text


class Generator(nn.Module):
    """The generator of the DCGAN example."""

    def __init__(self, latent: int = 100, width: int = 64) -> None:
        super().__init__()
        widths = [8 * width, 4 * width, 2 * width, width]
        layers: list[nn.Module] = [nn.ConvTranspose2d(latent, widths[0], 4, 1, 0, bias=False)]
        for before, after in zip(widths, [*widths[1:], 3], strict=True):
            layers += [nn.BatchNorm2d(before), nn.ReLU(True), nn.ConvTranspose2d(before, after, 4, 2, 1, bias=False)]
        self.main = nn.Sequential(*layers, nn.Tanh())

    def forward(self, noise: torch.Tensor) -> torch.Tensor:
        image: torch.Tensor = self.main(noise[:, :, None, None])
        return image


class VAE(nn.Module):
    """The variational autoencoder of the example. It is given its noise, in place of drawing it."""

    def __init__(self) -> None:
        super().__init__()
        self.fc1, self.fc21, self.fc22 = nn.Linear(784, 400), nn.Linear(400, 20), nn.Linear(400, 20)
        self.fc3, self.fc4 = nn.Linear(20, 400), nn.Linear(400, 784)

    def forward(self, image: torch.Tensor, noise: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        hidden = torch.relu(self.fc1(image.view(-1, 784)))
        mean, log_variance = self.fc21(hidden), self.fc22(hidden)
        place = mean + noise * torch.exp(0.5 * log_variance)
        made = torch.sigmoid(self.fc4(torch.relu(self.fc3(place))))
        return made.view(-1, 1, 28, 28), mean, log_variance


def test_dcgan_is_that_of_the_example() -> None:
    report = prove(archdsl.load("dcgan@pytorch").graph, Generator())
    assert report.ok, report_text(report)
    assert report.parameters == 3_576_704


def test_vae_is_that_of_the_example() -> None:
    report = prove(archdsl.load("vae@pytorch").graph, VAE())
    assert report.ok, report_text(report)
    assert report.parameters == 652_824


def test_the_order_of_a_difference_is_compared() -> None:
    class Swapped(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x.mean((2, 3))[:, :, None, None] - x

    text = "network Net:\n    input image: 4 x 6 x 6\n    sub{it | global_avg_pool}\n"
    assert not prove(archdsl.loads(text).graph, Swapped()).ok
    turned = text.replace("it | global_avg_pool", "global_avg_pool | it")
    assert prove(archdsl.loads(turned).graph, Swapped()).ok
