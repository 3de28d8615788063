"""Converters of the mapping table: named pure functions from what a source says to canonical JSON."""

from hub.mapping.convert.failure import Unconvertible
from hub.mapping.convert.make import Convert, ConvertContext, converter
from hub.mapping.convert.registry import CONVERTERS, ConverterSpec

__all__ = ["CONVERTERS", "Convert", "ConvertContext", "ConverterSpec", "Unconvertible", "converter"]
