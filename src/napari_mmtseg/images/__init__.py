"""An image with named axes, read whole or in parts.

Other packages use `ImageStack` and `Frame` (stack), `as_channels_first` (arrays), axes,
parts of arrays and a cache of chunks (lazy), `tiles`, training crops (crops),
`Normalization`, and smoothing, texture and the feature bank (features).
"""
