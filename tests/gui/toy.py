"""An add-on with one of each thing a test may have to use, for the test of the harness itself."""

import time

import bpy


class Row(bpy.types.PropertyGroup):
    name: bpy.props.StringProperty()


class Toy(bpy.types.PropertyGroup):
    text: bpy.props.StringProperty(default="before")
    number: bpy.props.IntProperty(default=1)
    tick: bpy.props.BoolProperty()
    fruit: bpy.props.EnumProperty(items=[(name, name.title(), "") for name in ("APPLE", "BANANA", "CHERRY")])
    rows: bpy.props.CollectionProperty(type=Row)
    row: bpy.props.IntProperty()
    said: bpy.props.StringProperty()


class Say(bpy.types.Operator):
    bl_idname = "toy.say"
    bl_label = "Say"
    word: bpy.props.StringProperty()

    def execute(self, context):
        context.window_manager.toy.said += self.word
        return {"FINISHED"}


class Ask(bpy.types.Operator):
    bl_idname = "toy.ask"
    bl_label = "Ask"
    answer: bpy.props.StringProperty(default="yes")

    def invoke(self, context, event):
        return context.window_manager.invoke_props_dialog(self)

    def execute(self, context):
        context.window_manager.toy.said += self.answer
        return {"FINISHED"}


class Block(bpy.types.Operator):
    bl_idname = "toy.block"
    bl_label = "Block"

    def execute(self, context):
        time.sleep(0.7)
        context.window_manager.toy.said += "slept"
        return {"FINISHED"}


class Rows(bpy.types.UIList):
    bl_idname = "TOY_UL_rows"

    def draw_item(self, context, layout, data, item, icon, active_data, active_property, index):
        layout.prop(item, "name", text="", emboss=False)


class ToyPanel(bpy.types.Panel):
    bl_idname = "TOY_PT_panel"
    bl_label = "Toy"
    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = "Toy"

    def draw(self, context):
        toy = context.window_manager.toy
        layout = self.layout
        for name in ("text", "number", "tick", "fruit"):
            layout.prop(toy, name)
        row = layout.row(align=True)
        for word in "abcd":
            row.operator("toy.say", text=word).word = word
        row = layout.row()
        row.template_list("TOY_UL_rows", "", toy, "rows", toy, "row")
        column = row.column()
        column.operator("toy.ask", text="", icon="ADD")
        column.operator("toy.block", text="", icon="REMOVE")
        layout.separator(factor=90)
        layout.operator("toy.say", text="end").word = "end"


for cls in (Row, Toy, Say, Ask, Block, Rows, ToyPanel):
    bpy.utils.register_class(cls)
bpy.types.WindowManager.toy = bpy.props.PointerProperty(type=Toy)
for number in range(20):
    bpy.context.window_manager.toy.rows.add().name = f"row {number}"
result = None
