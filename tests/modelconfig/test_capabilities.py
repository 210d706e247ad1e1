"""What a model can do, from its names."""

from __future__ import annotations

import pytest

from ome.modelconfig.capabilities import capabilities

OMNI = (
    "TEXT_TO_AUDIO",
    "IMAGE_TEXT_TO_AUDIO",
    "VIDEO_TEXT_TO_AUDIO",
    "AUDIO_TO_TEXT",
    "AUDIO_TO_AUDIO",
)


@pytest.mark.parametrize(
    ("architecture", "model_type", "vision", "embedding", "expected"),
    [
        ("LlamaForCausalLM", "llama", False, False, ("TEXT_TO_TEXT",)),
        ("MistralForCausalLM", "mistral", False, False, ("TEXT_TO_TEXT",)),
        ("MistralModel", "mistral", False, False, ("EMBEDDING",)),
        ("BertModel", "bert", False, True, ("EMBEDDING",)),
        ("XLMRobertaModel", "xlm-roberta-bert", False, False, ("EMBEDDING",)),
        ("SentenceTransformerModel", "", False, False, ("EMBEDDING",)),
        ("Qwen3ForCausalLM", "qwen3", False, True, ("EMBEDDING",)),
        ("GteEmbeddingModel", "gte", False, False, ("EMBEDDING",)),
        ("WhisperForConditionalGeneration", "whisper", False, False, ("AUDIO_TO_TEXT",)),
        ("Wav2Vec2ForCTC", "wav2vec2", False, False, ("AUDIO_TO_TEXT",)),
        ("HubertForCTC", "hubert", False, False, ("AUDIO_TO_TEXT",)),
        ("ParakeetForCTC", "parakeet", False, False, ("AUDIO_TO_TEXT",)),
        ("SeamlessM4TForSpeechToText", "seamless", False, False, ("AUDIO_TO_TEXT",)),
        ("LlamaForTokenClassification", "llama", False, False, ("TEXT_TO_TEXT",)),
        ("Qwen3OmniMoeForConditionalGeneration", "qwen3_omni_moe", False, False, OMNI),
        (
            "NemotronH_Nano_Omni_Reasoning_V3",
            "NemotronH_Nano_Omni_Reasoning_V3",
            True,
            False,
            ("IMAGE_TEXT_TO_TEXT", "TEXT_TO_TEXT", "AUDIO_TO_TEXT"),
        ),
        ("Qwen2VLForConditionalGeneration", "qwen2_vl", True, False, ("IMAGE_TEXT_TO_TEXT",)),
        ("", "", False, False, ("TEXT_TO_TEXT",)),
    ],
)
def test_models(
    architecture: str, model_type: str, vision: bool, embedding: bool, expected: tuple[str, ...]
) -> None:
    found, rule = capabilities(
        architecture, model_type, vision=vision, embedding=embedding, pipeline=False
    )
    assert found == expected
    assert rule


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("StableDiffusionPipeline", "TEXT_TO_IMAGE"),
        ("QwenImagePipeline", "TEXT_TO_IMAGE"),
        ("FluxPipeline", "TEXT_TO_IMAGE"),
        ("", "TEXT_TO_IMAGE"),
        ("QwenImageEditPlus", "IMAGE_TEXT_TO_IMAGE"),
        ("StableDiffusionInpaintPipeline", "IMAGE_TEXT_TO_IMAGE"),
        ("StableDiffusionInstructPix2PixPipeline", "IMAGE_TEXT_TO_IMAGE"),
        ("StableDiffusionImg2ImgPipeline", "IMAGE_TEXT_TO_IMAGE"),
        ("FluxKontextPipeline", "IMAGE_TEXT_TO_IMAGE"),
        ("WanImageToVideoPipeline", "IMAGE_TEXT_TO_VIDEO"),
        ("StableVideoDiffusionPipeline", "IMAGE_TEXT_TO_VIDEO"),
        ("WanVideoToVideoPipeline", "IMAGE_TEXT_TO_VIDEO"),
        ("I2VGenXLPipeline", "IMAGE_TEXT_TO_VIDEO"),
        ("TextToVideoSDPipeline", "TEXT_TO_VIDEO"),
        ("CogVideoXPipeline", "TEXT_TO_VIDEO"),
        ("HunyuanVideoPipeline", "TEXT_TO_VIDEO"),
        ("LTXPipeline", "TEXT_TO_VIDEO"),
        ("WanPipeline", "TEXT_TO_VIDEO"),
        ("MochiPipeline", "TEXT_TO_VIDEO"),
        ("StableAudioPipeline", "TEXT_TO_AUDIO"),
        ("MusicLDMPipeline", "TEXT_TO_AUDIO"),
        ("SomeVideoPipeline", "IMAGE_TEXT_TO_VIDEO"),
    ],
)
def test_pipelines(name: str, expected: str) -> None:
    found, rule = capabilities(name, "diffusers", vision=True, embedding=False, pipeline=True)
    assert found == (expected,)
    assert rule
