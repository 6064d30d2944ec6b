"""GLB Batch Validator: says of every GLB in a library whether it is good, why not and where to look.

The package imports without bpy and without boto3, so that the engine runs in any Python.
"""

__version__ = "0.1.0"


def register() -> None:
    """Blender enables the extension."""
    from .ui import registration

    registration.register()


def unregister() -> None:
    """Blender disables the extension."""
    from .ui import registration

    registration.unregister()
