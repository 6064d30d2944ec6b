"""The panel in Blender: a client of the engine process. Modules here that say "No bpy" work without Blender."""
