"""Videos and folders of pictures as cameras."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import simplejpeg

from lenswire.device.camera import Camera, CameraWish
from lenswire.device.camera.file import SKIP, Video, open_file, recorded_clip
from lenswire.errors import CameraError

FRAMES, FPS = 20, 10


class Clock:
    """Time that passes only when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 5_000_000_000

    def __call__(self) -> int:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += round(seconds * 1e9)


def opened(path: Path, fps: float = 0.0) -> tuple[Camera, Clock]:
    clock = Clock()
    return open_file(path, CameraWish(fps=fps), clock, clock.sleep), clock


def write_pictures(folder: Path, names: list[str]) -> list[bytes]:
    jpegs = []
    for number, name in enumerate(names):
        jpegs.append(simplejpeg.encode_jpeg(np.full((48, 64, 3), 40 * number, np.uint8), 80, "BGR"))
        (folder / name).write_bytes(jpegs[-1])
    return jpegs


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """20 frames at 10 fps; frame k is as light as 10 k + 20."""
    path = tmp_path_factory.mktemp("video") / "steps.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), FPS, (64, 48))
    for number in range(FRAMES):
        writer.write(np.full((48, 64, 3), 10 * number + 20, np.uint8))
    writer.release()
    return path


def shown(camera: Camera) -> int:
    """Which frame of the video this is."""
    (bgr,) = camera.picture().planes
    return round((bgr.mean() - 20) / 10)


# Folders


def test_the_pictures_of_a_folder_are_passed_through_in_order_and_looped(tmp_path: Path) -> None:
    jpegs = write_pictures(tmp_path, ["a.jpg", "b.JPEG", "c.jpeg"])
    (tmp_path / "notes.txt").write_text("not a picture")
    camera, _ = opened(tmp_path)
    assert (camera.compressed, camera.width, camera.height, camera.fps) == (True, 64, 48, 10)
    seen = [camera.picture().jpeg for _ in range(7) if camera.grab(1)]
    assert seen == [*jpegs, *jpegs, jpegs[0]]


def test_a_folder_has_the_rate_asked_for(tmp_path: Path) -> None:
    write_pictures(tmp_path, ["a.jpg"])
    camera, _ = opened(tmp_path, fps=4)
    captured = [grab.captured for grab in (camera.grab(1), camera.grab(1)) if grab]
    assert np.diff(captured).tolist() == [250_000_000]


def test_a_folder_without_pictures_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(CameraError, match="expected JPEGs"):
        opened(tmp_path)


def test_a_file_that_is_no_jpeg_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"GIF89a and so on")
    with pytest.raises(CameraError, match=r"a\.jpg: expected a JPEG"):
        opened(tmp_path)


def test_a_picture_that_has_gone_is_an_error_when_it_is_its_turn(tmp_path: Path) -> None:
    write_pictures(tmp_path, ["a.jpg", "b.jpg"])
    camera, _ = opened(tmp_path)
    (tmp_path / "b.jpg").unlink()
    assert camera.grab(1) and camera.picture().jpeg
    assert camera.grab(1)
    with pytest.raises(CameraError, match=r"b\.jpg cannot be read: No such file"):
        camera.picture()


# Videos


def test_a_video_plays_at_its_own_rate_and_loops(video: Path) -> None:
    camera, _ = opened(video)
    assert (camera.compressed, camera.width, camera.height, camera.fps) == (False, 64, 48, FPS)
    grabs = []
    frames = []
    for _ in range(2 * FRAMES):
        grabs.append(camera.grab(1))
        frames.append(shown(camera))
    assert np.diff([grab.captured for grab in grabs if grab]).tolist() == [100_000_000] * (2 * FRAMES - 1)
    assert np.diff(frames).tolist().count(1) == 2 * FRAMES - 3
    assert set(frames) == set(range(FRAMES))


def test_at_a_lower_rate_it_keeps_its_natural_speed(video: Path) -> None:
    camera, _ = opened(video, fps=4)
    assert camera.fps == 4
    frames = []
    for _ in range(7):
        camera.grab(1)
        frames.append(shown(camera))
    assert set(np.diff(frames).tolist()) == {2, 3}
    assert frames[4] - frames[0] == 10


def test_it_has_no_higher_rate_than_its_own(video: Path) -> None:
    assert opened(video, fps=60)[0].fps == FPS


def test_a_viewer_that_looks_seldom_sees_it_at_its_natural_speed(video: Path) -> None:
    camera, _ = opened(video)
    frames = []
    for number in range(15):
        camera.grab(1)
        if number % 5 == 0:
            frames.append(shown(camera))
    assert np.diff(frames).tolist() == [5, 5]


def test_it_stands_still_while_nobody_looks_for_long(video: Path) -> None:
    camera, clock = opened(video)
    camera.grab(1)
    before = shown(camera)
    clock.sleep(2 * SKIP)
    camera.grab(1)
    assert shown(camera) == before + 1


def test_nothing_is_decoded_until_somebody_looks(video: Path) -> None:
    camera, _ = opened(video)
    assert isinstance(camera, Video)
    before = camera._video.get(cv2.CAP_PROP_POS_FRAMES)
    for _ in range(30):
        camera.grab(1)
    assert camera._video.get(cv2.CAP_PROP_POS_FRAMES) == before


def test_looking_twice_shows_the_same(video: Path) -> None:
    camera, _ = opened(video)
    camera.grab(1)
    assert shown(camera) == shown(camera)


def test_what_cannot_be_a_video_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(CameraError, match=r"none\.mp4: no such file or folder"):
        opened(tmp_path / "none.mp4")
    (tmp_path / "bad.mp4").write_bytes(b"hello" * 100)
    with pytest.raises(CameraError, match=r"bad\.mp4: expected a video"):
        opened(tmp_path / "bad.mp4")


def test_the_recorded_clip_plays() -> None:
    clip = recorded_clip()
    assert clip
    camera, _ = opened(clip)
    assert (camera.width, camera.height, camera.fps) == (640, 272, 25)
    assert camera.grab(1)
    (bgr,) = camera.picture().planes
    assert bgr.std() > 20
    camera.close()
