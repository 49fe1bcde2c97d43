"""Write a shipped network, a LiteRT file of float32, as ONNX with the same names of outputs."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from ai_edge_litert import schema_py_generated as schema
from onnx import helper, numpy_helper

INPUT = "pixels"

_TYPES = {schema.TensorType.FLOAT32: np.float32, schema.TensorType.INT32: np.int32}
_CODES = {value: name for name, value in vars(schema.BuiltinOperator).items()}
_SIMPLE = {"ADD": "Add", "MUL": "Mul", "LOGISTIC": "Sigmoid"}
_NONE, _RELU, _RELU6 = 0, 1, 3


def write_onnx(source: Path, target: Path) -> None:
    """Convert a LiteRT file whose operators are those of the shipped networks.

    The ONNX file takes float32 (N, size, size, channels); feature maps come out channels first.
    """
    writer = _Writer(source)
    onnx.save(writer.model(), target)


class _Writer:
    def __init__(self, source: Path) -> None:
        self._file = schema.ModelT.InitFromObj(schema.Model.GetRootAs(source.read_bytes(), 0))
        self._graph = self._file.subgraphs[0]
        self._nodes: list[Any] = []
        self._weights = [
            numpy_helper.from_array(np.float32(0), "zero"),
            numpy_helper.from_array(np.float32(6), "six"),
        ]

    def model(self) -> Any:
        """Return the network as an ONNX model."""
        signature = self._file.signatureDefs[0]
        tensor = signature.inputs[0].tensorIndex
        self._node("Transpose", [INPUT], f"t{tensor}", perm=[0, 3, 1, 2])
        for operator in self._graph.operators:
            self._convert(operator)
        outputs = {output.name.decode(): output.tensorIndex for output in signature.outputs}
        for name, number in outputs.items():
            self._node("Identity", [f"t{number}"], name)
        float32 = onnx.TensorProto.FLOAT
        shape = ["N", *map(int, self._graph.tensors[tensor].shape[1:])]
        graph = helper.make_graph(
            self._nodes,
            "network",
            [helper.make_tensor_value_info(INPUT, float32, shape)],
            [helper.make_tensor_value_info(name, float32, None) for name in outputs],
            self._weights,
        )
        opset = helper.make_opsetid("", 17)
        model = helper.make_model(graph, opset_imports=[opset], ir_version=9)
        return onnx.shape_inference.infer_shapes(model)

    def _convert(self, operator: Any) -> None:
        code = self._file.operatorCodes[operator.opcodeIndex]
        kind = _CODES[max(code.builtinCode, code.deprecatedBuiltinCode)]
        options, name = operator.builtinOptions, f"t{operator.outputs[0]}"
        activation = getattr(options, "fusedActivationFunction", _NONE)
        target = name if activation == _NONE else f"{name}_linear"
        convolution = kind in ("CONV_2D", "DEPTHWISE_CONV_2D")
        numbers = operator.inputs[::2] if convolution else operator.inputs
        inputs = [self._input(number) for number in numbers]
        if convolution:
            kernel = self._constant(operator.inputs[1])
            self._convolution(kind == "DEPTHWISE_CONV_2D", kernel, options, inputs, target)
        elif kind in _SIMPLE:
            self._node(_SIMPLE[kind], inputs, target)
        elif kind == "MEAN":
            pooled = target if options.keepDims else f"{target}_pooled"
            self._node("GlobalAveragePool", inputs[:1], pooled)
            if not options.keepDims:
                self._node("Flatten", [pooled], target)
        elif kind == "AVERAGE_POOL_2D":
            sides = [options.filterHeight, options.filterWidth]
            strides = [options.strideH, options.strideW]
            self._node("AveragePool", inputs, target, kernel_shape=sides, strides=strides)
        elif kind == "FULLY_CONNECTED":
            self._node("Gemm", inputs, target, transB=1)
        else:
            raise SystemExit(f"{kind} is not converted to ONNX.")
        if activation == _RELU:
            self._node("Relu", [target], name)
        elif activation == _RELU6:
            self._node("Clip", [target, "zero", "six"], name)

    def _convolution(
        self, depthwise: bool, kernel: Any, options: Any, inputs: list[str], target: str
    ) -> None:
        """Add a convolution; LiteRT keeps its kernel as (out, h, w, in) or (1, h, w, channels)."""
        kernel = kernel.transpose((3, 0, 1, 2) if depthwise else (0, 3, 1, 2))
        self._weights.append(
            numpy_helper.from_array(np.ascontiguousarray(kernel), f"{target}_kernel")
        )
        self._node(
            "Conv",
            [inputs[0], f"{target}_kernel", inputs[1]],
            target,
            strides=[options.strideH, options.strideW],
            kernel_shape=list(kernel.shape[2:]),
            auto_pad="SAME_UPPER" if options.padding == schema.Padding.SAME else "VALID",
            group=len(kernel) if depthwise else 1,
        )

    def _node(self, kind: str, inputs: list[str], output: str, **attributes: Any) -> None:
        self._nodes.append(helper.make_node(kind, inputs, [output], **attributes))

    def _input(self, number: int) -> str:
        """Return the name of a tensor, and add it to the weights where it is constant."""
        name, constant = f"t{number}", self._constant(number)
        if constant is not None and all(weight.name != name for weight in self._weights):
            self._weights.append(numpy_helper.from_array(constant, name))
        return name

    def _constant(self, number: int) -> Any:
        tensor = self._graph.tensors[number]
        data = self._file.buffers[tensor.buffer].data
        if data is None or not len(data):
            return None
        shape = () if tensor.shape is None else tuple(map(int, tensor.shape))
        return np.frombuffer(bytes(data), _TYPES[tensor.type]).reshape(shape)
