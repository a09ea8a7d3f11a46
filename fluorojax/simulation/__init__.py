"""Simulated X-ray frames with their truth: `spec.Spec` says of what, `ercp.simulate` makes them."""
