"""What a studio says about assets: facts and a profile in, findings and a verdict out. Pure."""
