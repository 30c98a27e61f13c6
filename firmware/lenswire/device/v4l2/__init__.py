"""Video capture by V4L2: only the files in here know an ioctl.

device    an open node: set up, frames in and out
modes     what formats, sizes and rates it has
controls  its own settings: exposure, focus, white balance
kernel    what is asked of the operating system; a test puts another in its place

What goes wrong is an OSError, as the kernel gives it; `camera.usb` has the words for people.
"""
