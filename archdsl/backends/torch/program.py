"""What an emitted file does when it is run: a forward pass, with shapes, parameters and time."""

from __future__ import annotations

from archdsl.backends.python.code import Code, Function, Line, Suite
from archdsl.ir.graph import Graph, Node


def main_program(graph: Graph, name: str) -> Function:
    """The function `main` for the network of class `name`."""
    names = [f"input{index}" if len(graph.inputs) > 1 else "x" for index in range(1, len(graph.inputs) + 1)]
    call = f"model({', '.join(names)})"
    wait: Code = Suite('if device.type == "cuda":', (Line("torch.cuda.synchronize()"),))
    lines: tuple[Code, ...] = (
        Line(f'parser = argparse.ArgumentParser(description="One forward pass of {name}.")'),
        Line('default = "cuda" if torch.cuda.is_available() else "cpu"'),
        Line('parser.add_argument("--device", default=default, help="default: %(default)s")'),
        Line('parser.add_argument("--batch", type=int, default=1, help="inputs at a time; default: 1")'),
        Line("arguments = parser.parse_args()"),
        Line("device, batch = torch.device(arguments.device), arguments.batch"),
        Line(""),
        Line(f"model = {name}().to(device).eval()"),
        *(Line(f"{x} = {_made_up(node)}") for x, node in zip(names, graph.inputs, strict=True)),
        Suite(
            "with torch.no_grad():",
            (
                Line(call, "the first pass also prepares kernels and memory"),
                wait,
                Line("start = time.perf_counter()"),
                Line(f"output = {call}"),
                wait,
                Line("seconds = time.perf_counter() - start"),
            ),
        ),
        Line(""),
        *(Line(f'print("{node.name}:", tuple({x}.shape))') for x, node in zip(names, graph.inputs, strict=True)),
        *_outputs(graph),
        Line('print(f"parameters: {sum(p.numel() for p in model.parameters()):,}")'),
        Line('print(f"time: {seconds * 1000:.1f} ms on {device}, batch {batch}")'),
    )
    return Function("main", (), "None", lines, doc=("Run one forward pass; say what came out and how long it took.",))


def _made_up(node: Node) -> str:
    """Some input of the right shape. Tokens are all 0, which every vocabulary has."""
    dims = ", ".join(map(str, node.output.dims))
    if node.output.kind == "int":
        return f"torch.zeros(batch, {dims}, dtype=torch.long, device=device)"
    return f"torch.randn(batch, {dims}, device=device)"


def _outputs(graph: Graph) -> tuple[Code, ...]:
    """Shapes of what the network gives when it is not training."""
    if all(output.training for output in graph.outputs[1:]):
        return (Line('print("output:", tuple(output.shape))'),)
    lines: list[Code] = []
    for output in graph.outputs:
        shape = f"tuple(output.{output.name}.shape)"
        if output.several:
            shape = f"[tuple(value.shape) for value in output.{output.name}]"
        if not output.training:
            lines.append(Line(f'print("{output.name}:", {shape})'))
    return tuple(lines)
