"""The geometry of meshes as arrays: what is wrong with it, and where. numpy alone, all meshes of an asset at once."""
