"""The program in an emitted file: it runs one forward pass, and prints shapes, number of parameters, and time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from archdsl.backends.python.code import Code, Function, Line, Suite
from archdsl.ir.graph import Graph, Node


def main_program(graph: Graph, name: str, generates: bool = False) -> Function:
    """The function `main` for the network of class `name`; of one that `generates`, it can also continue a text."""
    if not generates:
        return Function("main", (), "None", tuple(_lines((graph,), name, f"{name}()")), doc=(DOC,))
    option = Line(
        'parser.add_argument("--prompt-length", type=int, metavar="N", help="continue a text of N tokens instead")'
    )
    (tokens,) = graph.inputs
    continued = Suite("if arguments.prompt_length:", tuple(_generation(tokens, name)))
    return Function("main", (), "None", tuple(_lines((graph,), name, f"{name}()", (option,), (continued,))), doc=(DOC,))


def _generation(tokens: Node, name: str) -> Iterator[Code]:
    """The lines that continue a prompt up to the length that the network was compiled for."""
    (length,) = tokens.output.dims
    yield Line(f"model = {name}().to(arguments.device).eval()")
    yield Line("shape = (arguments.batch, arguments.prompt_length)")
    yield Line("prompt = torch.zeros(shape, dtype=torch.long, device=arguments.device)")
    yield Line("start = time.perf_counter()")
    yield Line(f"text = generate(model, prompt, {length} - arguments.prompt_length)")
    yield Line("seconds = time.perf_counter() - start")
    yield Line('print(f"{text.numel() - prompt.numel()} tokens after {prompt.numel()} in {seconds:.2f} s")')
    yield Line("return")


def family_program(graphs: Mapping[str, Graph], name: str, table: str) -> Function:
    """The function `main` for several networks; its argument is the name of one in the file's dictionary `table`."""
    default = next(iter(graphs))
    options = (
        Line(
            f'parser.add_argument("name", nargs="?", choices={table}, default="{default}", help="default: {default}")'
        ),
        Line('parser.add_argument("--list", action="store_true", help="print the names of the networks and exit")'),
    )
    listed = Suite("if arguments.list:", (Line(f'print("\\n".join({table}))'), Line("return")))
    lines = _lines(tuple(graphs.values()), name, f"{table}[arguments.name]()", options, (listed,), tuple(graphs))
    return Function("main", (), "None", tuple(lines), doc=(DOC,))


DOC = "Run one forward pass; print the shapes of the outputs and the time it took."


def _lines(
    graphs: Sequence[Graph],
    name: str,
    made: str,
    options: Sequence[Code] = (),
    listed: Sequence[Code] = (),
    names: Sequence[str] = (),
) -> Iterator[Code]:
    nodes = [graph.inputs for graph in graphs]
    inputs = [f"input{index}" if len(nodes[0]) > 1 else "x" for index in range(1, len(nodes[0]) + 1)]
    call = f"model({', '.join(inputs)})"
    wait: Code = Suite('if device.type == "cuda":', (Line("torch.cuda.synchronize()"),))
    yield Line(f'parser = argparse.ArgumentParser(description="One forward pass of {name}.")')
    yield Line('default = "cuda" if torch.cuda.is_available() else "cpu"')
    yield from options
    yield Line('parser.add_argument("--device", default=default, help="default: %(default)s")')
    yield Line('parser.add_argument("--batch", type=int, default=1, help="samples per batch; default: 1")')
    yield Line("arguments = parser.parse_args()")
    yield from listed
    yield Line("device, batch = torch.device(arguments.device), arguments.batch")
    yield Line("")
    yield Line(f"model = {made}.to(device).eval()")
    for x, alike in zip(inputs, zip(*nodes, strict=True), strict=True):
        yield from _made_up(x, alike, names)
    yield Suite(
        "with torch.no_grad():",
        (
            Line(call, "the first pass also prepares kernels and memory"),
            wait,
            Line("start = time.perf_counter()"),
            Line(f"output = {call}"),
            wait,
            Line("seconds = time.perf_counter() - start"),
        ),
    )
    yield Line("")
    yield from (Line(f'print("{n.name}:", tuple({x}.shape))') for x, n in zip(inputs, nodes[0], strict=True))
    yield from _outputs(graphs)
    yield Line('print(f"parameters: {sum(p.numel() for p in model.parameters()):,}")')
    yield Line('print(f"time: {seconds * 1000:.1f} ms on {device}, batch {batch}")')


def _made_up(x: str, nodes: Sequence[Node], names: Sequence[str]) -> Iterator[Code]:
    """Lines that make an input of the right shape: random numbers, or tokens that are all 0."""
    sizes = [node.output.dims for node in nodes]
    dims = ", ".join(map(str, sizes[0]))
    if len(set(sizes)) > 1:
        rows = ", ".join(f'"{name}": {tuple(size)}' for name, size in zip(names, sizes, strict=True))
        yield Line(f"{x}_sizes = {{{rows}}}")
        dims = f"*{x}_sizes[arguments.name]"
    if nodes[0].output.kind == "int":
        yield Line(f"{x} = torch.zeros(batch, {dims}, dtype=torch.long, device=device)")
    else:
        yield Line(f"{x} = torch.randn(batch, {dims}, device=device)")


def _outputs(graphs: Sequence[Graph]) -> tuple[Code, ...]:
    """Lines that print the shapes of the network's outputs in evaluation."""
    rows = [[(o.name, o.several) for o in graph.outputs if not o.training] for graph in graphs]
    (first, *others), are_tuples = rows, [_is_tuple(graph) for graph in graphs]
    if not any(are_tuples):
        return (Line('print("output:", tuple(output.shape))'),)
    if all(are_tuples) and all(row == first for row in others):
        return tuple(_output(name, several) for name, several in first)
    shape = "tuple(value.shape) if isinstance(value, Tensor) else [tuple(one.shape) for one in value]"
    return (
        Line('outputs = {"output": output} if isinstance(output, Tensor) else output._asdict()'),
        Suite("for name, value in outputs.items():", (Line(f'print(f"{{name}}:", {shape})'),)),
    )


def _is_tuple(graph: Graph) -> bool:
    """Whether the network returns several outputs in evaluation."""
    return any(not output.training for output in graph.outputs[1:])


def _output(name: str, several: bool) -> Line:
    shape = f"[tuple(value.shape) for value in output.{name}]" if several else f"tuple(output.{name}.shape)"
    return Line(f'print("{name}:", {shape})')
