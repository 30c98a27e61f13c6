"""lenswire: a Raspberry Pi and any camera become an appliance. Power it on and it streams."""

__version__ = "0.1.0"
