"""Names that no step may have, because they are Python keywords or attributes of every module that is emitted.

The parts of a path become attribute names in the emitted module, so the rule holds for every step. A test compares
the list with the attributes of `torch.nn.Module`.
"""

from __future__ import annotations

import re

RESERVED = frozenset(
    """
    _apply _backward_hooks _backward_pre_hooks _buffers _call_impl _compiled_call_impl _forward_hooks
    _forward_hooks_always_called _forward_hooks_with_kwargs _forward_pre_hooks _forward_pre_hooks_with_kwargs
    _get_backward_hooks _get_backward_pre_hooks _get_name _is_full_backward_hook _load_from_state_dict
    _load_state_dict_post_hooks _load_state_dict_pre_hooks _maybe_warn_non_full_backward_hook _modules
    _named_members _non_persistent_buffers_set _parameters _register_load_state_dict_pre_hook
    _register_state_dict_hook _replicate_for_data_parallel _save_to_state_dict _slow_forward
    _state_dict_hooks _state_dict_pre_hooks _version _wrapped_call_impl
    False None T_destination True add_module and apply as assert async await bfloat16 break buffers
    call_super_init checkpointing children class compile continue cpu cuda def del double dump_patches elif else
    eval except extra_repr finally float for forward from get_buffer get_extra_state get_parameter
    get_submodule global half if import in ipu is lambda load_state_dict modules mtia named_buffers
    named_children named_modules named_parameters nonlocal not or parameters pass raise
    register_backward_hook register_buffer register_forward_hook register_forward_pre_hook
    register_full_backward_hook register_full_backward_pre_hook register_load_state_dict_post_hook
    register_load_state_dict_pre_hook register_module register_parameter
    register_state_dict_post_hook register_state_dict_pre_hook requires_grad_ return set_extra_state
    set_submodule share_memory state_dict to to_empty train training try type while with xpu yield
    zero_grad
    """.split()
)


def snake_case(name: str) -> str:
    """`MBConv` -> `mb_conv`, `SqueezeGate` -> `squeeze_gate`, `conv` -> `conv`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()
