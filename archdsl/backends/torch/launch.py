"""The texts with which an emitted file trains on several devices: as a pipeline, sharded (FSDP), or in copies (DDP).

Words in double angle brackets are filled in for a network.
"""

from __future__ import annotations

JOIN = '''
def join(device: str, seconds: float) -> torch.device:
    """Joins the processes that torchrun started, and gives this one its device.

    A process that waits longer than `seconds` for another ends with an error.
    """
    if "RANK" not in os.environ:
        name = os.path.basename(__file__)
        raise SystemExit(f"start this file with torchrun: torchrun --nproc-per-node <<count>> {name}")
    get = "install PyTorch as https://pytorch.org/get-started says"
    if device == "cuda" and not torch.cuda.is_available():
        raise SystemExit(f"PyTorch sees no GPU: {get} for CUDA, or run with --device cpu")
    backend = "nccl" if device == "cuda" else "gloo"
    if not dist.is_available() or not dist.is_backend_available(backend):
        raise SystemExit(f"this PyTorch has no {backend}: {get}")
    place = torch.device("cpu")
    if device == "cuda":
        place = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
        if place.index >= torch.cuda.device_count():
            found = torch.cuda.device_count()
            raise SystemExit(f"this machine has {found} GPUs: --nproc-per-node {found} at most")
        torch.cuda.set_device(place)
    dist.init_process_group(backend, timeout=timedelta(seconds=seconds))
    return place
'''.strip()

START = '''
def start_from(path: str, module: nn.Module, strict: bool = True) -> None:
    """Load the state dict in a file; one that is not `strict` may have more than the module."""
    try:
        found = torch.load(path, map_location="cpu", weights_only=True)
        shapes = {name: value.shape for name, value in found.items()}
    except Exception as error:  # PyTorch raises errors of many kinds for a file of something else
        why = f"{path} has no tensors by name ({type(error).__name__})"
        raise SystemExit(f"--weights: {why}: save model.state_dict()") from None
    own = {name: value.shape for name, value in module.state_dict().items()}
    wrong = [name for name in own if shapes.get(name) != own[name]]
    if strict:
        wrong += [name for name in shapes if name not in own]
    if wrong:
        its, ours = (tuple(sizes.get(wrong[0], ())) or "missing" for sizes in (shapes, own))
        why = f"{wrong[0]} is {its} in {path}, and {ours} in this network"
        raise SystemExit(f"--weights: {why}; {len(wrong)} weights differ")
    module.load_state_dict({name: found[name] for name in own})
'''.strip()

PIPELINE_STAGE = '''
def stage(rank: int, inputs: tuple[Tensor, ...], device: torch.device) -> PipelineStage:
    """The part of the network for one process. `inputs` are those of a microbatch.

    What the stages send each other is found on the device `meta`, which has shapes and no numbers.
    """
    with torch.device("meta"):
        takes = tuple(torch.empty_like(value, device="meta") for value in inputs)
        for made in STAGES[:rank]:
            takes = together(made()(*takes))
        gives = together(STAGES[rank]()(*takes))
    part = STAGES[rank]().to(device)
    return PipelineStage(part, rank, len(STAGES), device, input_args=takes, output_args=gives)


def together(value: Tensor | tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """What a stage gives, as a tuple."""
    return (value,) if isinstance(value, Tensor) else value


def save(part: nn.Module, path: str) -> None:
    """Write the weights of all stages as one state dict, that of the whole network."""
    own = {name: value.cpu() for name, value in part.state_dict().items()}
    parts = [{} for _ in STAGES]
    dist.gather_object(own, parts if dist.get_rank() == 0 else None)
    if dist.get_rank() == 0:
        torch.save({name: value for found in parts for name, value in found.items()}, path)
'''.strip()

OPTIONS = """
    parser.add_argument("--steps", type=int, default=10, help="of training")
    parser.add_argument("--rate", type=float, default=0.01, help="learning rate")
    parser.add_argument("--weights", metavar="FILE", help="state dict of the network to start from")
    parser.add_argument("--save", metavar="FILE", help="where to write the state dict")
    parser.add_argument("--timeout", type=float, default=120, help="seconds to wait for others")
    arguments = parser.parse_args()
    if arguments.weights and not os.path.isfile(arguments.weights):
        raise SystemExit(f"--weights: there is no file {arguments.weights}")
""".strip("\n")
"""The arguments that every such file has."""

PIPELINE_MAIN = '''
def main() -> None:
    """Train on random batches: torchrun --nproc-per-node <<count>>, with this file."""
    parser = argparse.ArgumentParser(
        description="Train <<network>> as a pipeline of <<count>> stages.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    default = "cuda" if torch.cuda.is_available() else "cpu"
    parser.add_argument("--device", choices=("cuda", "cpu"), default=default, help="where")
    parser.add_argument("--batch", type=int, default=<<batch>>, help="samples per step")
    parser.add_argument("--microbatches", type=int, default=<<micro>>, help="parts of a batch")
    parser.add_argument("--schedule", choices=("1f1b", "gpipe"), default="1f1b", help="order")
<<options>>
    batch, count = arguments.batch, arguments.microbatches
    if count < 1 or batch < 1 or batch % count:
        fitting = f"--batch {max(batch // max(count, 1), 1) * max(count, 1)} would"
        raise SystemExit(f"--batch {batch} is not --microbatches {count} times a number; {fitting}")
    if arguments.schedule == "1f1b" and count < len(STAGES):
        raise SystemExit(f"1f1b takes {len(STAGES)} microbatches or more; gpipe takes any number")
    device = join(arguments.device, arguments.timeout)
    rank, last = dist.get_rank(), len(STAGES) - 1
    if dist.get_world_size() != len(STAGES):
        raise SystemExit(f"{len(STAGES)} stages need {len(STAGES)} processes: --nproc-per-node")

    torch.manual_seed(rank)  # else the first layers of all stages would start alike
    part = stage(rank, sample(batch // count, "meta")[0], device)
    if arguments.weights:
        start_from(arguments.weights, part.submod, strict=False)
    schedules = {"1f1b": Schedule1F1B, "gpipe": ScheduleGPipe}
    schedule = schedules[arguments.schedule](part, count, loss_fn=loss)
    optimizer = torch.optim.SGD(part.submod.parameters(), lr=arguments.rate, momentum=0.9)
    for step in range(arguments.steps):
        torch.manual_seed(step)  # all stages draw the same samples
        inputs, target = sample(batch, device)
        losses: list[Tensor] = []
        optimizer.zero_grad()
        if rank == 0:
            schedule.step(*inputs)
        elif rank == last:
            schedule.step(target=target, losses=losses)
        else:
            schedule.step()
        optimizer.step()
        if rank == last:
            print(f"step {step}: loss {torch.stack(losses).mean().item():.4f}", flush=True)
    if arguments.save:
        save(part.submod, arguments.save)
    dist.destroy_process_group()
'''.strip()

WHOLE_MAIN = '''
def main() -> None:
    """Train on random batches: torchrun --nproc-per-node 2, or more, with this file."""
    parser = argparse.ArgumentParser(
        description="Train <<network>> <<how>>.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    default = "cuda" if torch.cuda.is_available() else "cpu"
    parser.add_argument("--device", choices=("cuda", "cpu"), default=default, help="where")
    parser.add_argument("--batch", type=int, default=<<batch>>, help="samples per step of each process")
<<options>>
    device = join(arguments.device, arguments.timeout)
    rank = dist.get_rank()

    torch.manual_seed(0)  # all processes start from the same weights
    model = <<network>>()
    if arguments.weights:
        start_from(arguments.weights, model)
    model = spread(model, device)
    torch.manual_seed(1 + rank)  # and each has batches of its own
    optimizer = torch.optim.SGD(model.parameters(), lr=arguments.rate, momentum=0.9)
    for step in range(arguments.steps):
        inputs, target = sample(arguments.batch, device)
        optimizer.zero_grad()
        found = loss(model(*inputs), target)
        found.backward()
        optimizer.step()
        if rank == 0:
            print(f"step {step}: loss {found.item():.4f}", flush=True)
    if arguments.save:
        save(model, arguments.save)
    dist.destroy_process_group()
'''.strip()

DDP = '''
def spread(model: nn.Module, device: torch.device) -> nn.Module:
    """A copy of the network in each process; the mean of their gradients changes all alike."""
    return DistributedDataParallel(model.to(device))


def save(model: nn.Module, path: str) -> None:
    """Write the state dict of the network."""
    if dist.get_rank() == 0:
        torch.save(model.module.state_dict(), path)
'''.strip()

FSDP = '''
<<blocks>>
"""What is gathered as a whole when it runs; the rest of the network is gathered at the start."""


def spread(model: nn.Module, device: torch.device) -> nn.Module:
    """Keep a share of all weights in each process: first of each block, then of what is left."""
    mesh = init_device_mesh(device.type, (dist.get_world_size(),))
    for module in reversed(list(model.modules())):
        if isinstance(module, BLOCKS):
            fully_shard(module, mesh=mesh)
    model = fully_shard(model, mesh=mesh)
    return model.to(device)


def save(model: nn.Module, path: str) -> None:
    """Write the state dict of the network, put together again."""
    options = StateDictOptions(full_state_dict=True, cpu_offload=True)
    state = get_model_state_dict(model, options=options)
    if dist.get_rank() == 0:
        torch.save(state, path)
'''.strip()

PIPELINE_IMPORTS = ("from torch.distributed.pipelining import PipelineStage, Schedule1F1B, ScheduleGPipe",)
DDP_IMPORTS = ("from torch.nn.parallel import DistributedDataParallel",)
FSDP_IMPORTS = (
    "from torch.distributed.checkpoint.state_dict import StateDictOptions, get_model_state_dict",
    "from torch.distributed.device_mesh import init_device_mesh",
    "from torch.distributed.fsdp import fully_shard",
)


def filled(text: str, **words: object) -> str:
    """A text with its words filled in."""
    for name, value in {"options": OPTIONS, **words}.items():
        text = text.replace(f"<<{name}>>", str(value))
    return text
