"""Scanner files in, healed files out."""

from typing import TYPE_CHECKING

from irtoolkit.schema import names_of_door

if TYPE_CHECKING:
    from irtoolkit.files.fingerprint import digest_header
    from irtoolkit.files.header import read_pages
    from irtoolkit.files.infrared import Infrared
    from irtoolkit.files.layouts import Layout, choose_infrared, count_frames, find_layout
    from irtoolkit.files.mask_files import write_mask_as
    from irtoolkit.files.mask_names import MASK_ENDINGS, is_png_mask
    from irtoolkit.files.metadata import describe
    from irtoolkit.files.models import read_model, write_model
    from irtoolkit.files.orientation import turn_between
    from irtoolkit.files.page_reader import open_page
    from irtoolkit.files.patching import write_same
    from irtoolkit.files.plain_json import members, parse_json, read_text
    from irtoolkit.files.reader import SlideReader, find_slide, label_counts, open_picture, open_slide
    from irtoolkit.files.sidecars import SIDECAR_SUFFIXES, SLIDE_SUFFIXES, is_sidecar, named_infrared
    from irtoolkit.files.sources import Sources, check_target, find_sources
    from irtoolkit.files.tag_texts import describe_tags
    from irtoolkit.files.tags import lost_tags, tag_codes
    from irtoolkit.files.targets import AnyPath, open_own, remove_for_sure, remove_leftovers, replacing
    from irtoolkit.files.targets import replacing_together, shorten, write_whole
    from irtoolkit.files.writer import write_healed, write_mask
else:
    __getattr__, __dir__ = names_of_door(__name__)
