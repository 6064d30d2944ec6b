"""The harness itself: what it finds, clicks and types arrives in Blender."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.gui.window import BlenderError

TOY = Path(__file__).with_name("toy.py").read_text()


def test_what_a_person_can_do_a_test_can(window):
    blender = window()
    blender.run(TOY)
    blender.open_sidebar("Toy", width=320)

    def toy(name: str) -> object:
        return blender.evaluate("getattr(bpy.context.window_manager.toy, name)", name=name)

    blender.type_into("toy.text", "after")
    blender.type_into("toy.number", "42")
    blender.click("toy.tick")
    assert [toy("text"), toy("number"), toy("tick")] == ["after", 42, True]

    blender.choose("toy.fruit", 2)
    assert toy("fruit") == "CHERRY"

    third_row = blender.find("toy.row").below(40)
    blender.click_at(third_row)
    assert toy("row") == 2
    blender.click_at(third_row, ctrl=True)
    blender.type("new")
    assert blender.evaluate("bpy.context.window_manager.toy.rows[2].name") == "new"

    blender.start_ticking()
    blender.click("toy.block")
    assert 0.7 <= max(blender.gaps()) < 2

    blender.click('toy.say(word="b")')
    blender.click("toy.ask")
    blender.press("RET")
    blender.click('toy.say(word="end")')  # out of sight
    assert toy("said") == "sleptbyesend"

    with pytest.raises(BlenderError, match=r"OUTLINER HEADER is toy\.nothing; there is or was:\n(.*\n)*.*filter_text"):
        blender.find("toy.nothing", area="OUTLINER", region="HEADER")
    with pytest.raises(BlenderError, match="ZeroDivisionError"):
        blender.run("1 / 0")

    blender.run("bpy.ops.wm.read_homefile()")
    blender.show("PREFERENCES")
    blender.run("bpy.context.preferences.active_section = 'INTERFACE'")
    blender.click("PreferencesView.show_splash", area="PREFERENCES")
    assert blender.evaluate("bpy.context.preferences.view.show_splash") is True
    assert blender.picture("preferences").stat().st_size > 10_000
    assert blender.quit() == 0
