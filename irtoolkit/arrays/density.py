"""Conversion between scanner counts, light and optical density, in which film and defects add up."""

import numpy as np

FULL_SCALE = 65535.0
SOFTNESS = 20.0

POSITIVE_EXPONENT, NEGATIVE_RANGE = 2.2, 30.0
"""Of positives made from negatives: exponent of light over counts, and what the light of the negative's clearest film,
over that of its densest, exceeds 1 by (docs/method.md)."""


def to_sixteen_bits(counts: np.ndarray) -> np.ndarray:
    """Counts as float32 on the 16-bit scale: uint8 times 257, uint16 and float unchanged.

    >>> to_sixteen_bits(np.array([1, 255], np.uint8))
    array([  257., 65535.], dtype=float32)
    """
    wide = counts.astype(np.float32)
    if counts.dtype == np.uint8:
        wide *= np.float32(257)
    return wide


def to_light(counts: np.ndarray, exponent: float) -> np.ndarray:
    """Counts as light, float32 on the 16-bit scale: full scale times their share of it to the power of `exponent`.

    The exponent is 1 for linear files and 2.2 for files with the usual gamma curve.

    >>> to_light(np.array([65535, 32768], np.uint16), 2.2).round()
    array([65535., 14263.], dtype=float32)
    """
    wide = to_sixteen_bits(counts)
    if exponent == 1:
        return wide
    wide *= np.float32(1 / FULL_SCALE)
    np.power(wide, np.float32(exponent), out=wide)
    wide *= np.float32(FULL_SCALE)
    return wide


def from_light(light: np.ndarray, exponent: float) -> np.ndarray:
    """16-bit counts, not rounded, whose `to_light` is given.

    >>> from_light(to_light(np.array([1000, 32768], np.uint16), 2.2), 2.2).round()
    array([ 1000., 32768.], dtype=float32)
    """
    return np.asarray(FULL_SCALE * (light / FULL_SCALE) ** (1 / exponent))


def to_negative(counts: np.ndarray) -> np.ndarray:
    """Light of a negative, float32 on the 16-bit scale, from the counts of the positive made from it, by a usual curve.

    Black of the positive is the clearest film, white a film of density 1.49; dust, bright in the positive, takes light.

    >>> to_negative(np.array([0, 255], np.uint8)).round()
    array([65535.,  2114.], dtype=float32)
    """
    return np.float32(FULL_SCALE) / (1 + np.float32(NEGATIVE_RANGE / FULL_SCALE) * to_light(counts, POSITIVE_EXPONENT))


def from_negative(light: np.ndarray) -> np.ndarray:
    """16-bit counts of a positive, not rounded, from 0 to full scale, whose `to_negative` is given.

    >>> from_negative(to_negative(np.array([257, 65535], np.uint16))).round()
    array([  257., 65535.], dtype=float32)
    """
    lit = (np.float32(FULL_SCALE) / np.maximum(light, np.float32(1)) - 1) / np.float32(NEGATIVE_RANGE)
    return np.float32(FULL_SCALE) * np.clip(lit, 0, 1) ** np.float32(1 / POSITIVE_EXPONENT)


def to_density(counts: np.ndarray, offset: float = 0.0, softness: float = SOFTNESS) -> np.ndarray:
    """Optical density -log10((counts - offset) / 65535) as float32, softened within the noise.

    The logarithm is the generalised one, ln((x + sqrt(x^2 + 4 k^2)) / 2), which stays finite and nearly linear
    below the softness k (Durbin et al. 2002, doi:10.1093/bioinformatics/18.suppl_1.S105). Counts are uint8, uint16
    or float; uint8 counts are taken times 257: 255 is full scale. `offset` and `softness` are in 16-bit counts.

    >>> to_density(np.array([65535, 6553], np.uint16)).round(3) + 0.0
    array([0., 1.], dtype=float32)
    """
    light = to_sixteen_bits(counts)
    if offset:
        light -= np.float32(offset)
    return light_to_density(light, softness)


def light_to_density(light: np.ndarray, softness: float = SOFTNESS) -> np.ndarray:
    """`to_density` of light above the offset, float32 on the 16-bit scale."""
    soft = np.square(light)
    soft += np.float32(4 * softness * softness)
    np.sqrt(soft, out=soft)
    soft += light
    soft *= np.float32(0.5 / FULL_SCALE)
    return np.negative(np.log10(soft, out=soft), out=soft)


def to_transmittance(density: np.ndarray) -> np.ndarray:
    """Transmittance of a density, the share of light that passes, float32: 10^-density.

    >>> to_transmittance(np.array([0.0, 1.0], np.float32)).round(3)
    array([1. , 0.1], dtype=float32)
    """
    light = density * np.float32(-np.log(10))
    return np.exp(light, out=light)
