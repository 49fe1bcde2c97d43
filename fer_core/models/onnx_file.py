"""Read the nodes and weights of an ONNX file, as far as small convolutional networks use them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import DecodeError

from fer_core.errors import ModelError

_FIELD: Final = descriptor_pb2.FieldDescriptorProto
_SCHEMA: Final = {
    "ModelProto": {"graph": (7, "GraphProto", False)},
    "GraphProto": {
        "node": (1, "NodeProto", True), "initializer": (5, "TensorProto", True),
        "input": (11, "ValueInfoProto", True), "output": (12, "ValueInfoProto", True),
    },
    "NodeProto": {
        "input": (1, _FIELD.TYPE_STRING, True), "output": (2, _FIELD.TYPE_STRING, True),
        "op_type": (4, _FIELD.TYPE_STRING, False), "attribute": (5, "AttributeProto", True),
    },
    "AttributeProto": {
        "name": (1, _FIELD.TYPE_STRING, False), "i": (3, _FIELD.TYPE_INT64, False),
        "s": (4, _FIELD.TYPE_BYTES, False), "ints": (8, _FIELD.TYPE_INT64, True),
    },
    "TensorProto": {
        "dims": (1, _FIELD.TYPE_INT64, True), "data_type": (2, _FIELD.TYPE_INT32, False),
        "float_data": (4, _FIELD.TYPE_FLOAT, True), "int64_data": (7, _FIELD.TYPE_INT64, True),
        "name": (8, _FIELD.TYPE_STRING, False), "raw_data": (9, _FIELD.TYPE_BYTES, False),
    },
    "ValueInfoProto": {"name": (1, _FIELD.TYPE_STRING, False)},
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
    file = descriptor_pb2.FileDescriptorProto(name="fer_onnx.proto", package="fer_onnx")
    for name, fields in _SCHEMA.items():
        message = file.message_type.add(name=name)
        for field, (number, kind, repeats) in fields.items():
            label = _FIELD.LABEL_REPEATED if repeats else _FIELD.LABEL_OPTIONAL
            entry = message.field.add(name=field, number=number, label=label)
            if isinstance(kind, str):
                entry.type, entry.type_name = _FIELD.TYPE_MESSAGE, f".fer_onnx.{kind}"
            else:
                entry.type = kind
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("fer_onnx.ModelProto"))
