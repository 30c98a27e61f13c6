"""`make demo` without a display: figures, and a picture of the recorded clip."""

from pathlib import Path

import simplejpeg
from real_device import lenswire


def test_without_a_display_it_prints_figures_and_saves_a_picture(tmp_path: Path) -> None:
    file = tmp_path / "demo.jpg"
    done = lenswire("demo", "--seconds", "2", "--save", str(file))
    assert done.returncode == 0, done.stderr
    assert "bikes.mp4" in done.stdout
    assert "fps" in done.stdout
    assert simplejpeg.decode_jpeg_header(file.read_bytes())[:2] == (272, 640)
