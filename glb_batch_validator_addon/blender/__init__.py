"""Everything that needs bpy: empties the scene, imports, measures. Used by the worker process only."""
