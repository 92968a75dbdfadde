"""Initial weights: `conv(64, 3, init=kaiming)`, `linear(10, init=normal(std=0.01))`, `bn(init=0)`.

If an op has an `init` argument, its weights are drawn by that rule and its biases start at 0. Otherwise both start as
PyTorch initializes them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Annotated, Any, ClassVar, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer

Positive = Annotated[float, Field(gt=0)]
Nonlinearity = Literal["relu", "tanh", "sigmoid", "selu", "linear"]


class Initializer(BaseModel, ABC):
    """A rule for initial weights. `of_matrices` says that it depends on fan-in or fan-out, and so needs a matrix."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False, defer_build=True)

    name: ClassVar[str]
    of_matrices: ClassVar[bool] = False

    @abstractmethod
    def statement(self, weight: str) -> str:
        """Python that fills the parameter written as `weight`, such as `self.conv1.weight`."""

    def __str__(self) -> str:
        given = ", ".join(f"{name}={getattr(self, name)}" for name in sorted(self.model_fields_set))
        return f"{self.name}({given})" if given else self.name


InitializerClass = TypeVar("InitializerClass", bound=type[Initializer])

INITIALIZERS: dict[str, type[Initializer]] = {}


def initializer(name: str) -> Callable[[InitializerClass], InitializerClass]:
    """Class decorator: enters an initializer under its name in the language."""

    def enter(kind: InitializerClass) -> InitializerClass:
        assert name not in INITIALIZERS, f"initializer {name!r} is registered twice"
        kind.name = name
        INITIALIZERS[name] = kind
        return kind

    return enter


def _call(function: str, weight: str, **arguments: tuple[Any, Any]) -> str:
    """The text of a call of torch.nn.init. Arguments are pairs of a value and PyTorch's default, left out if equal."""
    said = [f", {name}={value!r}" for name, (value, default) in arguments.items() if value != default]
    return f"nn.init.{function}({weight}{''.join(said)})"


@initializer("kaiming")
class Kaiming(Initializer):
    """Normal with variance 2 / fan for relu (He et al. 2015)."""

    of_matrices = True
    mode: Literal["fan_out", "fan_in"] = "fan_out"
    nonlinearity: Nonlinearity = "relu"

    def statement(self, weight: str) -> str:
        return _fan_call("kaiming_normal_", weight, self.mode, self.nonlinearity)


@initializer("kaiming_uniform")
class KaimingUniform(Initializer):
    """Uniform with the variance of `kaiming`."""

    of_matrices = True
    mode: Literal["fan_out", "fan_in"] = "fan_out"
    nonlinearity: Nonlinearity = "relu"

    def statement(self, weight: str) -> str:
        return _fan_call("kaiming_uniform_", weight, self.mode, self.nonlinearity)


def _fan_call(function: str, weight: str, mode: str, nonlinearity: str) -> str:
    return _call(function, weight, mode=(mode, "fan_in"), nonlinearity=(nonlinearity, "leaky_relu"))


@initializer("xavier")
class Xavier(Initializer):
    """Normal with variance 2 gain^2 / (fan_in + fan_out) (Glorot and Bengio 2010)."""

    of_matrices = True
    gain: Positive = 1.0

    def statement(self, weight: str) -> str:
        return _call("xavier_normal_", weight, gain=(self.gain, 1.0))


@initializer("xavier_uniform")
class XavierUniform(Initializer):
    """Uniform with the variance of `xavier`."""

    of_matrices = True
    gain: Positive = 1.0

    def statement(self, weight: str) -> str:
        return _call("xavier_uniform_", weight, gain=(self.gain, 1.0))


@initializer("orthogonal")
class Orthogonal(Initializer):
    """A random matrix with orthogonal rows or columns (Saxe et al. 2014)."""

    of_matrices = True
    gain: Positive = 1.0

    def statement(self, weight: str) -> str:
        return _call("orthogonal_", weight, gain=(self.gain, 1.0))


@initializer("normal")
class Normal(Initializer):
    """Normal with the given standard deviation and mean."""

    std: Positive = 0.01
    mean: float = 0.0

    def statement(self, weight: str) -> str:
        return _call("normal_", weight, mean=(self.mean, 0.0), std=(self.std, 1.0))


@initializer("truncated_normal")
class TruncatedNormal(Initializer):
    """Normal, drawn again beyond two standard deviations."""

    std: Positive = 0.02
    mean: float = 0.0

    def statement(self, weight: str) -> str:
        low, high = self.mean - 2 * self.std, self.mean + 2 * self.std
        return _call("trunc_normal_", weight, mean=(self.mean, 0.0), std=(self.std, 1.0), a=(low, -2.0), b=(high, 2.0))


@initializer("uniform")
class Uniform(Initializer):
    """Uniform between two bounds."""

    low: float = -0.05
    high: float = 0.05

    def statement(self, weight: str) -> str:
        return _call("uniform_", weight, a=(self.low, 0.0), b=(self.high, 1.0))


@initializer("constant")
class Constant(Initializer):
    """Every weight is the same number. A plain number as `init` means this."""

    value: float = 0.0

    def statement(self, weight: str) -> str:
        return f"nn.init.constant_({weight}, {self.value!r})"


@initializer("zeros")
class Zeros(Initializer):
    """Every weight is 0."""

    def statement(self, weight: str) -> str:
        return f"nn.init.zeros_({weight})"


@initializer("ones")
class Ones(Initializer):
    """Every weight is 1."""

    def statement(self, weight: str) -> str:
        return f"nn.init.ones_({weight})"


def _read(value: Any) -> Any:
    """The initializer for an argument: itself, its name, a plain number, or the data that `_write` made of it."""
    if isinstance(value, dict) and value.get("initializer") in INITIALIZERS:
        return INITIALIZERS[value["initializer"]].model_validate(value["arguments"])
    if isinstance(value, int | float) and not isinstance(value, bool):
        return {0.0: Zeros(), 1.0: Ones()}.get(value) or Constant(value=value)
    if isinstance(value, str) and value in INITIALIZERS:
        return INITIALIZERS[value]()
    if value is None or isinstance(value, Initializer):
        return value
    raise ValueError(f"a number or one of {', '.join(INITIALIZERS)}")


def _write(value: Initializer | None) -> Any:
    return value and {"initializer": value.name, "arguments": value.model_dump(mode="json")}


def _for_vectors(value: Initializer | None) -> Initializer | None:
    if value is not None and value.of_matrices:
        raise ValueError("a number, normal, uniform or another rule for single numbers (a scale has no fan-in)")
    return value


Weights = Annotated[Initializer | None, BeforeValidator(_read), PlainSerializer(_write)]
"""Initial values of a matrix or kernel: an initializer, its name, or a number; None for PyTorch's own."""

Scale = Annotated[Initializer | None, BeforeValidator(_read), AfterValidator(_for_vectors), PlainSerializer(_write)]
"""Initial values of a normalization's scale, most often a number."""


def starts(target: str, weights: Initializer | None, bias: bool) -> tuple[str, ...]:
    """Statements that initialize a module's `weight`, and set its `bias` to 0 if it has one."""
    if weights is None:
        return ()
    weight = weights.statement(f"{target}.weight")
    return (weight, f"nn.init.zeros_({target}.bias)") if bias else (weight,)
