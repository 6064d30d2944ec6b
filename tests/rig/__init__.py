"""The test rig: Blenders, Pythons and servers that tests need besides ``.venv``.

``python -m tests.rig`` makes all of it, once, in a cache outside the checkout; nothing here needs more than the
standard library.
"""
