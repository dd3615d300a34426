"""One plane of a picture through an upscaling network, tile by tile, within the memory that is free."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mc_jupyter import devices
from mc_jupyter.devices import give_back, is_out_of_memory
from mc_jupyter.drivers import _numbers as numbers
from mc_jupyter.drivers._upscaling import tiles as cutting
from mc_jupyter.drivers._upscaling.peak import peak_bytes
from mc_jupyter.drivers._upscaling.tiles import Grid
from mc_jupyter.errors import RunError, forget_frames
from mc_jupyter.events import Advance, Run

if TYPE_CHECKING:
    import torch
    from PIL.Image import Image

# Pixels that a tile sees where memory sets no narrower limit. Larger ones spill out of the processor's caches; of
# smaller ones, too much is what they see of their neighbours. Measured: see `tests/bench/upscaling.py`. Where a tile
# has to see far, it is so many times as wide as that: then at most 1.8 times the picture is computed.
_AREA = 384 * 384
_PADS = 8
_PROBE = 32  # side of the input that memory is measured with
_SHARE = 0.5  # of the memory that is free …
_UNSEEN = 1.5  # … for what was measured, and what a library takes besides
_MUCH = 3  # times the picture: from there on a reader is told what his tiles cost
_LEAST = 32  # pixels of side below which a tile is not halved again

# Networks of convolutions one after another: with each they see a pixel more, and no further than that.
_CHAINS = ("Compact", "ESRGAN", "SPAN")
# How far the deepest look, as far as it matters. Measured on trained weights and photos, cut off at so many pixels, the
# result differs by at most (of 255)         16   32   48   64
#     RealESRGAN_x4plus (23 blocks)          31   31    6    2
#     RealESRGAN_x4plus_anime_6B (6 blocks)  38    8    5    1
# Random weights say nothing of it: with them 16 pixels seem enough for either.
_FAR = 64


@dataclass(slots=True)
class Network:
    """spandrel's model, and what tiling has to know of it."""

    model: Any
    _bytes_per_pixel: float = 0.0

    @property
    def scale(self) -> int:
        return int(self.model.scale)

    @property
    def multiple(self) -> int:
        """What positions of tiles are multiples of, so that windows and shuffled pixels lie as in the whole picture."""
        window = getattr(self.model.model, "window_size", 1)
        window = window if isinstance(window, int) else 1
        return math.lcm(window, int(self.model.size_requirements.multiple_of))

    @property
    def reach(self) -> int:
        """How far a pixel of the result depends on its neighbours, in pixels of the input, as far as it matters."""
        if self.model.architecture.id not in _CHAINS:
            return _FAR
        side = getattr(self.model.model, "shuffle_factor", None) or 1  # of the pixels that it makes one of at first
        return min(_FAR, _depth(self.model.model)) * int(side)

    @property
    def whole_only(self) -> bool:
        """Whether the network has to see the picture as a whole."""
        return bool(self.model.tiling.name == "INTERNAL")

    def area(self, pad: int) -> int:
        """Pixels that a tile may see: by what is free now, and no more than is fast."""
        free = devices.free_memory(str(self.model.device)).free
        fast = max(_AREA, (_PADS * pad) ** 2)
        return max(_LEAST * _LEAST, min(fast, int(free * _SHARE / (self.bytes_per_pixel() * _UNSEEN))))

    def bytes_per_pixel(self) -> float:
        """Memory at the peak for each pixel of the input, measured once."""
        if not self._bytes_per_pixel:
            import torch

            side = max(_PROBE, 2 * self.multiple)
            kind = {"dtype": self.model.dtype, "device": self.model.device}
            probe = torch.zeros(1, self.model.input_channels, side, side, **kind)
            self._bytes_per_pixel = peak_bytes(lambda: self.model(probe)) / (side * side)
        return self._bytes_per_pixel

    def result(self, pixels: Any, swapped: bool) -> Any:
        """What the network makes of an array of heights × widths (× 3), as an array of the same kind of numbers."""
        import torch

        most = 65535 if pixels.dtype.name == "uint16" else 255
        with torch.inference_mode():
            given = torch.from_numpy(pixels.astype("float32") / most if most > 255 else pixels)
            given = (given[None] if given.ndim == 2 else given.permute(2, 0, 1))[None]
            given = given.to(self.model.device).float()
            given = (given if most > 255 else given.div_(255)).to(self.model.dtype)
            made = self._through(given.flip(1) if swapped else given).float()
            numbers.check(made, self.model.dtype)
            made = (made.flip(1) if swapped else made)[0].mul_(most).round_()
            return made.permute(1, 2, 0).to("cpu").numpy().astype(pixels.dtype).reshape(_shape(made))

    def _through(self, given: torch.Tensor) -> torch.Tensor:
        """Colours or a grey through a network of 3 colours or of one; what goes in as a grey comes out as one."""
        made: torch.Tensor
        channels = given.shape[1]
        if channels == self.model.input_channels:
            made = self.model(given)
        elif channels == 1:
            made = self.model(given.expand(-1, self.model.input_channels, -1, -1).contiguous()).mean(1, keepdim=True)
        else:
            made = self.model(given.transpose(0, 1)).transpose(0, 1)
        return made


def _depth(module: torch.nn.Module) -> int:
    """By how many pixels all convolutions of a network together look to each side."""
    import torch

    convolutions = (part for part in module.modules() if isinstance(part, torch.nn.Conv2d))
    return sum(part.kernel_size[0] // 2 * part.dilation[0] for part in convolutions)


def _shape(made: torch.Tensor) -> tuple[int, ...]:
    colours, height, width = made.shape
    return (height, width, colours) if colours > 1 else (height, width)


@dataclass(slots=True)
class Tiling:
    """How pictures of one call are cut, and how far that has gone. `side` and `pad` are what the call asks for."""

    network: Network
    run: Run
    side: int | None = None
    pad: int | None = None
    swapped: bool = False
    done: int = 0
    total: int = 0
    _area: int = field(default=0)
    _halved: bool = False

    def grid(self, size: tuple[int, int]) -> Grid:
        wanted = self.network.reach if self.pad is None else self.pad
        if not self._halved and (self.side == 0 or self.network.whole_only):
            return cutting.whole(size)
        if not self._halved and self.side:
            return cutting.by_side(size, self.side, self._aligned(wanted), self.network.multiple)
        self._area = self._area or self.network.area(wanted)
        # Where memory is short, half of a tile's side at least is of its own.
        pad = self._aligned(min(wanted, math.isqrt(self._area) // 4))
        return cutting.by_area(size, self._area, pad, self.network.multiple)

    def _aligned(self, pad: int) -> int:
        return math.ceil(pad / self.network.multiple) * self.network.multiple

    def say_cuts(self, sizes: Iterable[tuple[int, int]]) -> None:
        """Tell what cutting pictures of these sizes costs: seams that may show, or much that is computed twice."""
        grids = [grid for grid in map(self.grid, sizes) if len(grid) > 1]
        if not grids:
            return
        grid, reach = max(grids, key=lambda grid: grid.work), self.network.reach
        if grid.pad < reach:
            given = self.pad is not None and self.pad < reach
            what = f"tile_pad_size: {self.pad} is" if given else f"memory is short: tiles see {grid.pad} pixels around,"
            self.run.note(
                f"{what} less than the {reach} that this network looks: along the cuts the result may differ from the "
                "whole picture's"
            )
        elif grid.work > _MUCH:
            self.run.note(
                f"tiles that see {grid.pad} pixels on each side compute {grid.work:.1f} times the picture: "
                "larger ones (tile_size) are faster"
            )

    def count(self, image: Image) -> int:
        """How many tiles a picture is; what it lets through is enlarged like a plane of its own."""
        return len(self.grid(image.size)) * (2 if image.has_transparency_data else 1)

    def enlarge(self, plane: Image) -> Image | None:
        """The plane enlarged by the network's own scale; None when the run was stopped before its end."""
        from PIL import Image as pil

        while True:
            grid = self.grid(plane.size)
            canvas = pil.new(plane.mode, (plane.width * self.network.scale, plane.height * self.network.scale))
            begun = self.done
            text = self._painted(canvas, plane, grid)
            if text is None:
                return canvas if self.done - begun == len(grid) else None
            del canvas
            give_back()
            self._halve(grid, text)
            self.done, self.total = begun, self.total - len(grid) + len(self.grid(plane.size))

    def skip(self, size: tuple[int, int]) -> None:
        """Count a plane that need not be gone over."""
        self.done += len(self.grid(size))
        self.run.emit(Advance(self.done, self.total, "tiles"))

    def _painted(self, canvas: Image, plane: Image, grid: Grid) -> str | None:
        """Tile after tile onto the canvas, until the run is stopped; what the allocator said where memory ran out."""
        import numpy as np

        for tile in grid:
            if self.run.stopped:
                return None
            try:
                result = self.network.result(np.array(plane.crop(tile.seen)), self.swapped and plane.mode == "RGB")
            except Exception as error:
                if not is_out_of_memory(error):
                    raise
                text = (str(error).strip() or type(error).__name__).splitlines()[0][:300]
                forget_frames(error)  # they hold the tensors of the attempt
                return text
            cutting.lay(canvas, result, tile, self.network.scale)
            self.done += 1
            self.run.emit(Advance(self.done, self.total, "tiles"))
        return None

    def _halve(self, grid: Grid, text: str) -> None:
        """Let tiles be half as large from now on. RunError where they are as small as makes sense."""
        self._area, self._halved = max(_LEAST * _LEAST, grid.area // 2), True
        again = self.grid(grid.size)
        if self.network.whole_only or again.area >= grid.area:
            raise RunError(f"out of memory: {text}", fix="a smaller image, or %compose unload another model")
        self.run.note(f"out of memory with {len(grid)} tiles: going on with {len(again)} smaller ones")
        self.say_cuts([grid.size])
