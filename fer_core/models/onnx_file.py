"""Read the nodes and weights of an ONNX file, as far as small convolutional networks use them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from fer_core.errors import ModelError

_SCHEMA: Final = {
    "ModelProto": {"graph": (7, "GraphProto", False)},
    "GraphProto": {
        "node": (1, "NodeProto", True), "initializer": (5, "TensorProto", True),
        "input": (11, "ValueInfoProto", True), "output": (12, "ValueInfoProto", True),
    },
    "NodeProto": {
        "input": (1, "STRING", True), "output": (2, "STRING", True),
        "op_type": (4, "STRING", False), "attribute": (5, "AttributeProto", True),
    },
    "AttributeProto": {
        "name": (1, "STRING", False), "i": (3, "INT64", False),
        "s": (4, "BYTES", False), "ints": (8, "INT64", True),
    },
    "TensorProto": {
        "dims": (1, "INT64", True), "data_type": (2, "INT32", False),
        "float_data": (4, "FLOAT", True), "int64_data": (7, "INT64", True),
        "name": (8, "STRING", False), "raw_data": (9, "BYTES", False),
    },
    "ValueInfoProto": {"name": (1, "STRING", False)},
}  # fmt: skip
"""The messages of onnx.proto that are read: field to number, type, and whether it repeats."""

_TYPES: Final = {1: np.float32, 7: np.int64}
"""ONNX's number of an element type to NumPy's."""


@dataclass(frozen=True, slots=True)
class Node:
    """One operation: its kind, the names of its inputs and outputs, and its attributes."""

    kind: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class OnnxGraph:
    """A network.

    Attributes:
        nodes: In the order in which they run.
        weights: Name to constant.
        inputs: Names of the inputs that are no constants.
        outputs: Names of the outputs.
    """

    nodes: tuple[Node, ...]
    weights: Mapping[str, npt.NDArray[Any]]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


def parse_onnx(data: bytes) -> OnnxGraph:
    """Return the network of an ONNX file's bytes.

    Raises:
        ModelError: It is no such file.
    """
    from google.protobuf.message import DecodeError  # 0.03 s that few runs need

    try:
        model = _message_class()()
        model.ParseFromString(data)
        graph: Any = model.graph
        weights = {tensor.name: _array(tensor) for tensor in graph.initializer}
    except (DecodeError, ValueError, KeyError) as error:
        raise ModelError(f"The ONNX file cannot be read ({error}). Download it again.") from error
    nodes = tuple(
        Node(
            node.op_type,
            tuple(node.input),
            tuple(node.output),
            {a.name: list(a.ints) or a.s.decode() or a.i for a in node.attribute},
        )
        for node in graph.node
    )
    inputs = tuple(value.name for value in graph.input if value.name not in weights)
    return OnnxGraph(nodes, weights, inputs, tuple(value.name for value in graph.output))


def _array(tensor: Any) -> npt.NDArray[Any]:
    kind = _TYPES[tensor.data_type]
    if tensor.raw_data:
        values = np.frombuffer(tensor.raw_data, kind)
    else:
        values = np.array(tensor.float_data or tensor.int64_data, kind)
    return values.reshape(tuple(tensor.dims))


def _message_class() -> Any:
    """Return protobuf's class of ``ModelProto``, made from ``_SCHEMA``."""
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

    field_type = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(name="fer_onnx.proto", package="fer_onnx")
    for name, fields in _SCHEMA.items():
        message = file.message_type.add(name=name)
        for field, (number, kind, repeats) in fields.items():
            label = field_type.LABEL_REPEATED if repeats else field_type.LABEL_OPTIONAL
            entry = message.field.add(name=field, number=number, label=label)
            if kind in _SCHEMA:
                entry.type, entry.type_name = field_type.TYPE_MESSAGE, f".fer_onnx.{kind}"
            else:
                entry.type = getattr(field_type, f"TYPE_{kind}")
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("fer_onnx.ModelProto"))
