import enum


class Platform(enum.Enum):
    VC4 = 0
    PISP = 1


platform = Platform.PISP


def get_platform() -> Platform:
    return platform
