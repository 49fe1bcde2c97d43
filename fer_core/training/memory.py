"""Tell a full accelerator from other errors."""


def is_exhausted(error: BaseException) -> bool:
    """Whether the GPU's memory was too small; TensorFlow, PyTorch and JAX have an error each."""
    kinds = {kind.__name__ for kind in type(error).__mro__}
    return bool(kinds & {"ResourceExhaustedError", "OutOfMemoryError"}) or (
        "RESOURCE_EXHAUSTED" in str(error)
    )
