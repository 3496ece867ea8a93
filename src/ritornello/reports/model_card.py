"""The card of a model, as a notebook shows it."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

from ritornello.encoding import Encoding
from ritornello.model.options import NetworkOptions
from ritornello.render.page import document, figure_list, framed

CARD_HEIGHT, ROW_HEIGHT = 236, 78  # pixels


def model_html(name: str, network: NetworkOptions, encoding: Encoding, metadata: Mapping[str, Any]) -> str:
    """Make the HTML of a notebook cell that shows what a model is, and what it was trained on."""
    corpus, scored = metadata.get("corpus", {}), metadata.get("held_out", {}).get("network", {})
    figures = {
        "network": f"{network.kind}, {network.layers} × {network.width}",
        "encoding": encoding.name,
        "trained on": f"{corpus['pieces']:,} pieces, {corpus['notes']:,} notes" if "notes" in corpus else "",
        "bits per note, test": f"{scored['bits_per_note']:.2f}" if scored else "",
        "licence": str(metadata.get("licence") or ""),
    }
    shown = {label: value for label, value in figures.items() if value}
    body = (
        f'<article class="tune"><header class="tune-head"><h2>{escape(name)}</h2><p class="meta">a model</p></header>'
        f"{figure_list(shown)}</article>"
    )
    return framed(document(name, "frame", body), name, CARD_HEIGHT + ROW_HEIGHT * (-(-len(shown) // 5) - 1))
