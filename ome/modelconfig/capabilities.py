"""What a model can be asked to do, from its names: the first rule that hits decides."""

from __future__ import annotations

__all__ = ["capabilities"]

_IMAGE_EDITING = ("imageedit", "pix2pix", "img2img", "inpaint", "kontext")
_MOVING_IMAGES = ("imagetovideo", "i2v", "img2vid", "videotovideo", "stablevideodiffusion")
_TEXT_TO_VIDEO = ("texttovideo", "t2v")
_TEXT_TO_VIDEO_CLASSES = frozenset(
    {"cogvideoxpipeline", "hunyuanvideopipeline", "ltxpipeline", "wanpipeline", "mochipipeline"}
)
_SOUND = ("audio", "music")
_SPEECH = ("whisper", "wav2vec2", "hubert", "forctc", "forspeechtotext")
_HEARS = "AUDIO_TO_TEXT"
_OMNI = (
    "TEXT_TO_AUDIO",
    "IMAGE_TEXT_TO_AUDIO",
    "VIDEO_TEXT_TO_AUDIO",
    _HEARS,
    "AUDIO_TO_AUDIO",
)


def capabilities(
    architecture: str,
    model_type: str,
    *,
    vision: bool,
    embedding: bool,
    pipeline: bool,
    audio: bool = False,
) -> tuple[tuple[str, ...], str]:
    """The capabilities in their order, and the rule that gave them."""
    name, kind = architecture.lower(), model_type.lower()
    if pipeline:
        return _of_pipeline(name)
    found, rule = _of_model(name, kind, vision=vision, embedding=embedding)
    if audio and not {_HEARS, "EMBEDDING"} & set(found):
        return (*found, _HEARS), f"{rule}; has audio_config"
    return found, rule


def _of_model(
    name: str, kind: str, *, vision: bool, embedding: bool
) -> tuple[tuple[str, ...], str]:
    if "nemotronh_nano" in kind:
        return ("IMAGE_TEXT_TO_TEXT", "TEXT_TO_TEXT", _HEARS), "type nemotronh_nano"
    if vision:
        return ("IMAGE_TEXT_TO_TEXT",), "takes images"
    if "omni" in name:
        return _OMNI, "architecture contains omni"
    heard = _first(name, _SPEECH)
    if heard:
        return (_HEARS,), f"architecture contains {heard}"
    if embedding or _first(name, ("embedding", "sentence")) or "bert" in kind:
        return ("EMBEDDING",), "embedding model"
    if "mistral" in kind and name == "mistralmodel":
        return ("EMBEDDING",), "Mistral without a language head"
    return ("TEXT_TO_TEXT",), "no other rule hit"


def _of_pipeline(name: str) -> tuple[tuple[str, ...], str]:
    for wanted, capability in (
        (_IMAGE_EDITING, "IMAGE_TEXT_TO_IMAGE"),
        (_MOVING_IMAGES, "IMAGE_TEXT_TO_VIDEO"),
        (_TEXT_TO_VIDEO, "TEXT_TO_VIDEO"),
    ):
        part = _first(name, wanted)
        if part:
            return (capability,), f"pipeline class contains {part}"
    if name in _TEXT_TO_VIDEO_CLASSES:
        return ("TEXT_TO_VIDEO",), "pipeline class makes videos from text"
    if _first(name, _SOUND):
        return ("TEXT_TO_AUDIO",), "pipeline class makes sound"
    if "video" in name:
        return ("IMAGE_TEXT_TO_VIDEO",), "pipeline class contains video"
    return ("TEXT_TO_IMAGE",), "pipeline of no other kind"


def _first(name: str, parts: tuple[str, ...]) -> str:
    return next((part for part in parts if part in name), "")
