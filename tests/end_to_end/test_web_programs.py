"""Programs that people have watch the device as the README says: each picture that they show carries its own time."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

import cv2
import pytest
from real_device import Device, Serve
from web import CAMERA, captured, get, run, serve_web

import programs
from eventually import until
from lenswire.demo import free_port


def fresh(files: list[Path], since: float) -> None:
    """One picture after another, all of them captured since then; a program may show one twice."""
    stamps = [captured(cv2.imread(str(file))) for file in files]  # type: ignore[arg-type]
    assert None not in stamps
    assert stamps == sorted(stamps)  # type: ignore[type-var]
    assert since - 0.1 < stamps[0] < stamps[-1] < time.monotonic()  # type: ignore[operator]


def numbered(folder: Path, pattern: str) -> list[Path]:
    return sorted(folder.glob(pattern), key=lambda path: (len(path.name), path.name))


@contextlib.contextmanager
def running(*command: str) -> Iterator[subprocess.Popen[bytes]]:
    quiet = subprocess.DEVNULL
    process = subprocess.Popen(command, stdin=quiet, stdout=quiet, stderr=quiet)
    try:
        yield process
    finally:
        process.terminate()
        process.wait()


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One device for all who only watch: its HTTP face, without a key."""
    port = free_port()
    device = Device(tmp_path_factory.mktemp("device"), *CAMERA, "--http", f"127.0.0.1:{port}")
    yield f"127.0.0.1:{port}"
    device.stop()


@pytest.fixture(scope="module", autouse=True)
def motion(web: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where motion puts its pictures. It takes its time to begin, which the others use."""
    folder = tmp_path_factory.mktemp("motion")
    (folder / "motion.conf").write_text(
        f"netcam_url http://{web}/stream.mjpg\ntarget_dir {folder}\nwidth 640\nheight 480\nframerate 10\n"
        "emulate_motion on\npicture_output on\nmovie_output off\npicture_filename %v-%t-%H%M%S%q\n"
        f"webcontrol_port 0\nstream_port 0\nlog_file {folder}/log\n"
    )
    with running("motion", "-n", "-c", str(folder / "motion.conf")) if shutil.which("motion") else nullcontext():
        yield folder


def test_ffmpeg_and_ffprobe(web: str, tmp_path: Path) -> None:
    programs.need("ffmpeg", "ffprobe")
    url, begin = f"http://{web}/stream.mjpg?size=320x240", time.monotonic()
    entries = ("-show_entries", "stream=codec_name,width,height", "-of", "json")
    told = json.loads(run("ffprobe", "-v", "error", *entries, url).stdout)
    assert told["streams"] == [{"codec_name": "mjpeg", "width": 320, "height": 240}]
    done = run("ffmpeg", "-v", "error", "-i", url, "-frames:v", "10", str(tmp_path / "%d.png"))
    assert done.returncode == 0, done.stderr
    files = numbered(tmp_path, "*.png")
    assert len(files) == 10
    fresh(files, begin)


def test_gstreamer(web: str, tmp_path: Path) -> None:
    programs.need("gst-launch-1.0")
    begin = time.monotonic()
    pipeline = f"souphttpsrc location=http://{web}/stream.mjpg ! multipartdemux ! jpegdec ! identity eos-after=10 "
    pipeline += f"! videoconvert ! pngenc ! multifilesink location={tmp_path}/%d.png"
    done = run("gst-launch-1.0", "-q", *pipeline.split())
    assert done.returncode == 0, done.stderr
    files = numbered(tmp_path, "*.png")
    assert len(files) >= 9
    fresh(files, begin)


def test_opencv(web: str) -> None:
    begin = time.monotonic()
    capture = cv2.VideoCapture(f"http://{web}/stream.mjpg")
    pictures = [capture.read() for _ in range(10)]
    capture.release()
    assert all(ok for ok, _ in pictures)
    stamps = [captured(picture) for _, picture in pictures]  # type: ignore[arg-type]
    assert stamps == sorted(set(stamps))  # type: ignore[type-var]
    assert stamps[0] is not None
    assert stamps[0] > begin - 0.1


@pytest.mark.skipif(os.getuid() != 0, reason="VLC refuses to run as root, so this is done as nobody, which takes root")
def test_vlc(web: str) -> None:
    programs.need("cvlc", "runuser")
    begin = time.monotonic()
    folder = Path(subprocess.check_output(["runuser", "-u", "nobody", "--", "mktemp", "-d"], text=True).strip())
    scene = f"--vout dummy --video-filter scene --scene-format png --scene-ratio 5 --scene-path {folder}"
    try:
        command = ["-I", "dummy", "--no-audio", *scene.split(), f"http://{web}/stream.mjpg"]
        with running("runuser", "-u", "nobody", "--", "cvlc", *command):
            until(lambda: len(list(folder.glob("*.png"))) > 8, "VLC's pictures")
        fresh(numbered(folder, "*.png")[:-1], begin)  # the last may not be whole
    finally:
        subprocess.run(["rm", "-r", str(folder)], check=True)


def test_prometheus(serve: Serve, tmp_path: Path) -> None:
    programs.need("prometheus", "promtool", "curl")
    device, web = serve_web(serve, listen="0.0.0.0", host="0.0.0.0")
    key = device.link().partition("//")[2].partition("@")[0]
    (tmp_path / "key").write_text(key)
    certificate = device.folder / "state/certificate.pem"
    (tmp_path / "prometheus.yml").write_text(
        "global: {scrape_interval: 500ms}\n"
        "scrape_configs:\n"
        "  - job_name: lenswire\n"
        "    scheme: https\n"
        f"    authorization: {{credentials_file: {tmp_path}/key}}\n"
        f"    tls_config: {{ca_file: {certificate}, server_name: lenswire}}\n"
        f"    static_configs: [{{targets: ['{web}']}}]\n"
    )
    port = free_port()
    flags = f"--config.file {tmp_path}/prometheus.yml --storage.tsdb.path {tmp_path}/data"

    def asked(query: str) -> list[dict[str, object]]:
        with contextlib.suppress(OSError):
            found = json.loads(get(f"http://127.0.0.1:{port}/api/v1/query?query={query}")[0])
            return list(found["data"]["result"])
        return []

    with running("prometheus", *flags.split(), f"--web.listen-address=127.0.0.1:{port}"):
        until(lambda: asked("lenswire_frames_captured_total>30"), "Prometheus to have scraped twice")
        assert asked("up")[0]["value"][1] == "1"  # type: ignore[index]
        assert asked('lenswire_state{state="READY"}')[0]["value"][1] == "1"  # type: ignore[index]
        assert asked("lenswire_frame_age_seconds<1")
        assert asked("process_resident_memory_bytes")
    bearer = ("--cacert", str(certificate), "--connect-to", f"lenswire:443:{web}", "-H", f"Authorization: Bearer {key}")
    page = run("curl", "-sf", *bearer, "https://lenswire/metrics").stdout
    checked = run("promtool", "check", "metrics", told=page)
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")


def test_motion_as_a_network_camera(motion: Path) -> None:
    programs.need("motion")
    until(lambda: len(list(motion.glob("*.jpg"))) > 5, "motion's pictures")
    before = time.monotonic()
    seen = len(list(motion.glob("*.jpg")))
    until(lambda: len(list(motion.glob("*.jpg"))) > seen + 2, "more of them")
    fresh(numbered(motion, "*.jpg")[seen:-1], before - 1)
