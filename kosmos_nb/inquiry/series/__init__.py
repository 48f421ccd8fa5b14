"""Rows that follow one another: their order, and what is left when memory, trend and season are out."""

from kosmos_nb.inquiry.series.order import Order, find_order
from kosmos_nb.inquiry.series.whiten import Whitened, autocorrelation, whiten

__all__ = ["Order", "Whitened", "autocorrelation", "find_order", "whiten"]
