"""The Khronos glTF-Validator, unchanged, on V8 in this process. No bpy; the rest of the product works without it."""
