"""An RTSP server as others have it: what is published at /NAME is handed on to all who read /NAME/live.

Runs on the system's Python, which has GStreamer: /usr/bin/python3 rtsp_server.py PORT USER:PASSWORD NAME:PORT...
GStreamer has a factory for each direction and nothing between them: that is a socket here, at the port of the name.
"""

import sys

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtsp", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtsp, GstRtspServer  # noqa: E402

IN = "( rtpjpegdepay name=depay0 ! rtpjpegpay ! rtpstreampay ! tcpserversink port={} sync=false recover-policy=latest )"
OUT = (
    "( tcpclientsrc port={} do-timestamp=true "
    "! application/x-rtp-stream, media=video, encoding-name=JPEG, clock-rate=90000 "
    "! rtpstreamdepay ! rtpjpegdepay ! rtpjpegpay name=pay0 )"
)
RIGHTS = "user, media.factory.access=(boolean)true, media.factory.construct=(boolean)true"


def main(port: str, secret: str, *paths: str) -> None:
    Gst.init(None)
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service(port)
    server.get_thread_pool().set_max_threads(-1)  # who reads waits for who publishes
    server.set_auth(auth(*secret.split(":")))
    for name, bridge in (path.split(":") for path in paths):
        add(server, f"/{name}", IN.format(bridge), GstRtspServer.RTSPTransportMode.RECORD)
        add(server, f"/{name}/live", OUT.format(bridge), GstRtspServer.RTSPTransportMode.PLAY)
    assert server.attach(None)
    GLib.timeout_add_seconds(1, lambda: server.get_session_pool().cleanup() >= 0)
    GLib.MainLoop().run()


def add(server: GstRtspServer.RTSPServer, path: str, launch: str, mode: GstRtspServer.RTSPTransportMode) -> None:
    factory = GstRtspServer.RTSPMediaFactory()
    factory.set_launch(launch)
    factory.set_transport_mode(mode)
    factory.set_shared(mode == GstRtspServer.RTSPTransportMode.PLAY)
    factory.set_latency(0)
    factory.add_role_from_structure(Gst.Structure.from_string(RIGHTS)[0])
    server.get_mount_points().add_factory(path, factory)


def auth(user: str, password: str) -> GstRtspServer.RTSPAuth:
    auth, token = GstRtspServer.RTSPAuth(), GstRtspServer.RTSPToken()
    token.set_string("media.factory.role", "user")
    auth.set_supported_methods(GstRtsp.RTSPAuthMethod.DIGEST)
    auth.add_digest(user, password, token)
    return auth


main(*sys.argv[1:])
