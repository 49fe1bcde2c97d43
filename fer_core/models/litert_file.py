"""Write LiteRT files without TensorFlow: from an ONNX network, and with a fixed batch."""

from collections.abc import Mapping
from typing import Any, Final

import flatbuffers
import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema

from fer_core.errors import ModelError
from fer_core.models.onnx_file import Node, OnnxGraph, parse_onnx
from fer_core.types import Floats

_OPS: Final = schema.BuiltinOperator
_ELEMENTS: Final = {
    np.dtype(np.float32): schema.TensorType.FLOAT32,
    np.dtype(np.int32): schema.TensorType.INT32,
}
INPUT: Final = "pixels"


def with_batch_of_one(data: bytes) -> bytes:
    """Return a LiteRT file for one image at a time; a free batch (-1) becomes 1.

    LiteRT in a browser opens a file with a free batch, and then refuses every input.
    """
    buffer = bytearray(data)
    model = schema.Model.GetRootAs(buffer)
    for subgraph in map(model.Subgraphs, range(model.SubgraphsLength())):
        for tensor in map(subgraph.Tensors, range(subgraph.TensorsLength())):
            signature = tensor.ShapeSignatureAsNumpy()  # a view of the buffer, or 0
            if tensor.ShapeSignatureLength():
                signature[signature == -1] = 1
    return bytes(buffer)


def convert_onnx(onnx: bytes, width: int, height: int) -> bytes:
    """Return the network of an ONNX file's bytes as a LiteRT file; see ``convert_graph``."""
    return convert_graph(parse_onnx(onnx), width, height)


def convert_graph(graph: OnnxGraph, width: int, height: int) -> bytes:
    """Return a convolutional network as a LiteRT file for images of one size.

    The file takes float32 (1, height, width, channels) under the name ``pixels``; its outputs have
    the names of the graph's, with channels last. Nothing else in it depends on the size, so that
    an interpreter may resize the input.

    Args:
        graph: A network whose one input is (1, channels, height, width).
        width: Width of the images in pixels.
        height: Height of the images in pixels.

    Raises:
        ModelError: The network has other inputs, or holds an operation that is not converted.
    """
    if len(graph.inputs) != 1:
        raise ModelError(f"The ONNX file has {len(graph.inputs)} inputs. It needs one.")
    writer = _Writer(graph.weights)
    first = next(node for node in graph.nodes if graph.inputs[0] in node.inputs)
    channels = graph.weights[first.inputs[1]].shape[1]
    writer.tensor(graph.inputs[0], (1, height, width, channels))
    for node in graph.nodes:
        convert = getattr(writer, f"on_{node.kind.lower()}", None)
        if convert is None:
            raise ModelError(f"The ONNX file holds {node.kind}, which is not converted.")
        convert(node)
    return writer.file(graph.inputs[0], graph.outputs)


class _Writer:
    """Collects tensors and operators; every ``on_…`` adds those of one ONNX node."""

    def __init__(self, weights: Mapping[str, npt.NDArray[Any]]) -> None:
        self._weights = weights
        self._tensors: list[Any] = []
        self._index: dict[str, int] = {}
        self._buffers: list[Any] = [schema.BufferT()]
        self._operators: list[Any] = []
        self._codes: list[int] = []

    def tensor(self, name: str, shape: tuple[int, ...], values: Any = None) -> int:
        """Add a tensor of float32, or a constant of ``values``; return its number."""
        tensor = schema.TensorT()
        tensor.name, tensor.shape = name.encode(), list(shape)
        tensor.type, tensor.buffer = schema.TensorType.FLOAT32, 0
        if values is not None:
            buffer = schema.BufferT()
            buffer.data = np.frombuffer(values.tobytes(), np.uint8)
            tensor.type, tensor.buffer = _ELEMENTS[values.dtype], len(self._buffers)
            self._buffers.append(buffer)
        self._tensors.append(tensor)
        self._index[name] = len(self._tensors) - 1
        return self._index[name]

    def on_conv(self, node: Node) -> None:
        kernel = np.asarray(self._weights[node.inputs[1]], np.float32)
        bias = self._constant(self._weights[node.inputs[2]])
        strides, group = node.attributes["strides"], node.attributes["group"]
        source, same = self._padded(node, kernel.shape[2], strides)
        batch, height, width, channels = self._shape(source)
        padding = schema.Padding.SAME if same else schema.Padding.VALID
        if not same:
            height, width = height - kernel.shape[2] + 1, width - kernel.shape[3] + 1
        shape = (batch, -(-height // strides[0]), -(-width // strides[1]), kernel.shape[0])
        if group == 1:
            options, code = schema.Conv2DOptionsT(), _OPS.CONV_2D
            weights = self._constant(kernel.transpose(0, 2, 3, 1))
            kind = schema.BuiltinOptions.Conv2DOptions
        elif group == channels == kernel.shape[0]:
            options, code = schema.DepthwiseConv2DOptionsT(), _OPS.DEPTHWISE_CONV_2D
            options.depthMultiplier = 1
            weights = self._constant(kernel.transpose(1, 2, 3, 0))
            kind = schema.BuiltinOptions.DepthwiseConv2DOptions
        else:
            raise ModelError(f"The ONNX file holds a convolution in {group} groups.")
        options.padding = padding
        options.strideH, options.strideW = strides
        options.dilationHFactor = options.dilationWFactor = 1
        self._add(code, [source, weights, bias], node.outputs[0], shape, kind, options)

    def on_relu(self, node: Node) -> None:
        self._unary(_OPS.RELU, node)

    def on_sigmoid(self, node: Node) -> None:
        self._unary(_OPS.LOGISTIC, node)

    def on_add(self, node: Node) -> None:
        inputs = [self._index[name] for name in node.inputs]
        kind = schema.BuiltinOptions.AddOptions
        shape = self._shape(inputs[0])
        self._add(_OPS.ADD, inputs, node.outputs[0], shape, kind, schema.AddOptionsT())

    def on_maxpool(self, node: Node) -> None:
        options = schema.Pool2DOptionsT()
        options.filterHeight, options.filterWidth = node.attributes["kernel_shape"]
        options.strideH, options.strideW = node.attributes["strides"]
        options.padding = schema.Padding.VALID
        source = self._index[node.inputs[0]]
        batch, height, width, channels = self._shape(source)
        shape = (batch, height // options.strideH, width // options.strideW, channels)
        kind = schema.BuiltinOptions.Pool2DOptions
        self._add(_OPS.MAX_POOL_2D, [source], node.outputs[0], shape, kind, options)

    def on_resize(self, node: Node) -> None:
        """Convert an enlargement to twice the sides that repeats pixels.

        Four copies side by side in the channels are laid out as squares: unlike LiteRT's own
        enlargement this names no size, and XNNPACK runs it.
        """
        source = self._index[node.inputs[0]]
        batch, height, width, channels = self._shape(source)
        if [round(float(scale), 3) for scale in self._weights[node.inputs[2]]] != [1, 1, 2, 2]:
            raise ModelError("The ONNX file holds an enlargement that is not converted.")
        copies, shape = f"{node.outputs[0]}-copies", (batch, height, width, 4 * channels)
        side_by_side, squares = schema.ConcatenationOptionsT(), schema.DepthToSpaceOptionsT()
        side_by_side.axis, squares.blockSize = 3, 2
        kind = schema.BuiltinOptions.ConcatenationOptions
        self._add(_OPS.CONCATENATION, [source] * 4, copies, shape, kind, side_by_side)
        shape = (batch, 2 * height, 2 * width, channels)
        kind = schema.BuiltinOptions.DepthToSpaceOptions
        inputs = [self._index[copies]]
        self._add(_OPS.DEPTH_TO_SPACE, inputs, node.outputs[0], shape, kind, squares)

    def on_transpose(self, node: Node) -> None:
        """Pass over the step to channels last: here they always are."""
        if node.attributes["perm"] != [0, 2, 3, 1]:
            raise ModelError("The ONNX file holds a transposition that is not converted.")
        self._index[node.outputs[0]] = self._index[node.inputs[0]]

    def on_reshape(self, node: Node) -> None:
        source = self._index[node.inputs[0]]
        width = int(self._weights[node.inputs[1]][-1])
        shape = (1, int(np.prod(self._shape(source))) // width, width)
        options = schema.ReshapeOptionsT()
        options.newShape = [1, -1, width]
        kind = schema.BuiltinOptions.ReshapeOptions
        inputs = [source, self._constant(np.array(options.newShape, np.int32))]
        self._add(_OPS.RESHAPE, inputs, node.outputs[0], shape, kind, options)

    def file(self, source: str, outputs: tuple[str, ...]) -> bytes:
        """Return the LiteRT file of everything that was added."""
        graph = schema.SubGraphT()
        graph.tensors, graph.operators = self._tensors, self._operators
        graph.inputs = [self._index[source]]
        graph.outputs = [self._index[name] for name in outputs]
        signature = schema.SignatureDefT()
        signature.signatureKey = b"serving_default"
        signature.inputs = [_tensor_map(INPUT, self._index[source])]
        signature.outputs = [_tensor_map(name, self._index[name]) for name in outputs]
        model = schema.ModelT()
        model.version, model.description = 3, b"converted from ONNX"
        model.subgraphs, model.buffers = [graph], self._buffers
        model.signatureDefs = [signature]
        model.operatorCodes = [_operator_code(code) for code in self._codes]
        builder = flatbuffers.Builder(1 << 16)
        builder.Finish(model.Pack(builder), b"TFL3")
        return bytes(builder.Output())

    def _padded(self, node: Node, side: int, strides: list[int]) -> tuple[int, bool]:
        """Return the input of a convolution, and whether LiteRT's own padding gives the same.

        LiteRT pads below and to the right first, ONNX where the file says.
        """
        source, pads = self._index[node.inputs[0]], node.attributes["pads"]
        if not any(pads) or (strides == [1, 1] and pads == [side // 2] * 4):
            return source, any(pads) or side == 1
        (top, left, bottom, right), shape = pads, self._shape(source)
        widths = np.array([[0, 0], [top, bottom], [left, right], [0, 0]], np.int32)
        shape = (shape[0], shape[1] + top + bottom, shape[2] + left + right, shape[3])
        name, inputs = f"{node.outputs[0]}-padded", [source, self._constant(widths)]
        kind = schema.BuiltinOptions.PadOptions
        self._add(_OPS.PAD, inputs, name, shape, kind, schema.PadOptionsT())
        return self._index[name], False

    def _unary(self, code: int, node: Node) -> None:
        source = self._index[node.inputs[0]]
        kind = schema.BuiltinOptions.NONE
        self._add(code, [source], node.outputs[0], self._shape(source), kind, None)

    def _constant(self, values: npt.NDArray[Any] | Floats) -> int:
        name = f"constant-{len(self._tensors)}"
        return self.tensor(name, values.shape, np.ascontiguousarray(values))

    def _shape(self, index: int) -> tuple[int, ...]:
        return tuple(self._tensors[index].shape)

    def _add(  # noqa: PLR0913, PLR0917  # what an operator of the file format is
        self, code: int, inputs: list[int], output: str, shape: tuple[int, ...], kind: int,
        options: Any,
    ) -> None:  # fmt: skip
        if code not in self._codes:
            self._codes.append(code)
        operator = schema.OperatorT()
        operator.opcodeIndex = self._codes.index(code)
        operator.inputs, operator.outputs = inputs, [self.tensor(output, shape)]
        operator.builtinOptionsType, operator.builtinOptions = kind, options
        self._operators.append(operator)


def _operator_code(code: int) -> Any:
    entry = schema.OperatorCodeT()
    entry.builtinCode, entry.deprecatedBuiltinCode, entry.version = code, min(code, 127), 1
    return entry


def _tensor_map(name: str, index: int) -> Any:
    entry = schema.TensorMapT()
    entry.name, entry.tensorIndex = name.encode(), index
    return entry
