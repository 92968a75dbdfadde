"""Networks that go down and come up again inside their blocks, as a U, with rails for what enters at every size."""
