"""The bundled backbones by name, with what each is; to list them takes no torch."""

BUNDLED = {
    "minilm-l6": "all-MiniLM-L6-v2: 6 layers, 12 heads, 384 wide, pretrained on English; Apache-2.0; needs no hub",
    "scratch": "no pretrained weights: sizes as the space has them, the word pieces of minilm-l6",
}
