"""What a healed file does not carry over from the scan unchanged, in words."""

from pathlib import Path

from irtoolkit.archive.tasks import Task
from irtoolkit.files import Layout, count_frames, lost_tags, tag_codes
from irtoolkit.settings import Settings

LEVELS = {"LinearizationTable", "BlackLevel", "WhiteLevel"}
"""Tags of a DNG that say how its codes become light."""

PRIVATE_TAGS = {"35243": "35243 (SilverFast: infrared present)"}
"""Tags without a name, and what they mean."""

DIGESTS = {50972: "RawImageDigest", 51111: "NewRawImageDigest"}
"""Tags of a DNG's first page with a digest of its pixels."""


def describe_kept(healed: Path, task: Task, layout: Layout, settings: Settings) -> str:
    """What the healed file does not carry over from the scan unchanged: a DNG becomes a TIFF, tags are lost.

    A file in the scan's own format keeps all tags, even a digest of pixels that fits no longer.
    """
    if settings.format == "same":
        stale = [name for code, name in DIGESTS.items() if (code,) in tag_codes(healed)]
        notes = [f"tags that no longer fit the pixels: {', '.join(stale)}"] if stale else []
        if task.frame:
            count = count_frames(healed, task.inside)
            notes += [f"the file holds {count} slides, and only slide {task.frame} is healed in it"]
        return "; ".join(notes)
    lost = [PRIVATE_TAGS.get(tag, tag) for tag in lost_tags(task.path, layout.visible[0].page, healed)]
    applied = "in linear light of full scale" if LEVELS & set(lost) else "with the linear values of the DNG"
    changes = [f"written as TIFF {applied}"] if "DNGVersion" in lost else []
    return "; ".join([*changes, f"tags not kept: {', '.join(lost)}"]) if lost else ""
