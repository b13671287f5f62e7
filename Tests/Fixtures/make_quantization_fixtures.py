#!/usr/bin/env python3
"""Makes quantization.safetensors: what bitsandbytes' CPU functions make of some matrices.

    python make_quantization_fixtures.py [OUTPUT]

Of each matrix CASE the file has CASE.x, and by quantize_4bit (NF4 in blocks of 64) CASE.nf4.{codes,scales,values}; by the
same with compress_statistics CASE.nested.{codes,scales,mean,values}; by int8_vectorwise_quant CASE.int8.{codes,scales,
values}. `values` are what the functions' counterparts make of it again. The versions stand in the file's metadata.
"""

import os
import sys
from pathlib import Path

os.environ["TORCHDYNAMO_DISABLE"] = "1"

import bitsandbytes
import bitsandbytes.functional as bnb
import torch
from safetensors.torch import save_file


def cases():
    """Odd sizes and short last blocks, zeros, outliers, very small numbers, and more than one block of scales."""
    draw = torch.Generator().manual_seed(17)

    def normal(*shape):
        return torch.randn(shape, generator=draw)

    made = {"one": normal(1, 1), "short": normal(1, 63), "odd": normal(7, 33), "even": normal(9, 64)}
    zeros = normal(6, 66)
    zeros[1:4] = 0
    zeros[0, ::2] = -0.0
    made["zeros"] = zeros
    made["nothing"] = torch.zeros(3, 43)
    outliers = normal(11, 50) * 0.02
    outliers[2, 7], outliers[5, 49], outliers[10, 0] = 300.0, -4e4, 1e-3
    made["outliers"] = outliers
    # Sizes from 1 down to where scales have no reciprocal.
    made["small"] = normal(12, 64) * torch.logspace(0, -44, 12).unsqueeze(1)
    # Middles between neighbouring values, the values, and what is just beside both.
    values = bnb.get_4bit_type("nf4", device="cpu")
    middles = (values[1:] + values[:-1]) / 2
    beside = torch.cat([values, middles])
    up, down = torch.full_like(beside, 2.0), torch.full_like(beside, -2.0)
    beside = torch.cat([beside, beside.nextafter(up), beside.nextafter(down)]).clamp(-1, 1)
    made["ties"] = torch.cat([torch.ones(3, 1), beside.reshape(3, -1), torch.zeros(3, 32)], 1)
    many = normal(131, 129) * (1 + 3 * torch.rand(131, 1, generator=draw))
    many[70, 5] = 60.0
    made["many"] = many
    return made


def main():
    torch.set_num_threads(1)
    output = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).with_name("quantization.safetensors")
    out = {"nf4": bnb.get_4bit_type("nf4", device="cpu")}
    for case, x in cases().items():
        codes, state = bnb.quantize_4bit(x, blocksize=64, quant_type="nf4")
        same, nested = bnb.quantize_4bit(x, blocksize=64, quant_type="nf4", compress_statistics=True)
        assert torch.equal(codes, same) and nested.state2.blocksize == 256
        bytes8, largest, _ = bnb.int8_vectorwise_quant(x.clone())
        out |= {
            f"{case}.x": x,
            f"{case}.nf4.codes": codes.flatten(),
            f"{case}.nf4.scales": state.absmax,
            f"{case}.nf4.values": bnb.dequantize_4bit(codes, state).reshape(x.shape),
            f"{case}.nested.codes": nested.absmax,
            f"{case}.nested.scales": nested.state2.absmax,
            f"{case}.nested.mean": nested.offset.reshape(1),
            f"{case}.nested.values": bnb.dequantize_4bit(codes, nested).reshape(x.shape),
            f"{case}.int8.codes": bytes8,
            f"{case}.int8.scales": largest,
            f"{case}.int8.values": bnb.int8_vectorwise_dequant(bytes8, largest),
        }
    versions = {"torch": torch.__version__, "bitsandbytes": bitsandbytes.__version__}
    save_file({k: v.contiguous() for k, v in out.items()}, output, metadata={"script": Path(__file__).name, **versions})


main()
